// Objects are picked: by pointer, wheel, touch and keyboard, with steps back and again, and taken along.

import { pngSize } from "./harness.mjs";

export async function checkPicking(all) {
  const { page, expect, text, sample, saved, shot, sum, slide } = all;
  await sample("coffee.jpg");
  await slide("#k", 9);
  const share = async () => Number(/picked ([\d.]+) %/.exec(await text("#picture-words"))?.[1] ?? 0);
  const box = await (await page.$("#picture")).boundingBox();
  const at = (x, y) => [box.x + x * box.width, box.y + y * box.height];
  const CUP = [0.55, 0.3];
  const TABLE = [0.1, 0.12];

  // Pointer: a click adds, Alt or the tool takes away, the wheel climbs.
  expect("nothing picked, nothing to save or copy", (await page.isDisabled("#save")) && (await page.isDisabled("#copy")));
  expect("with a hint beside the buttons", /^Nothing is picked yet/.test(await text("#save-hint")) && (await page.getAttribute("#save", "aria-describedby")) === "save-hint", await text("#save-hint"));
  await page.mouse.click(...at(...CUP));
  const one = await share();
  expect("a click picks a part", one > 0, one);
  expect("which can be saved", (await page.isEnabled("#save")) && (await page.isEnabled("#copy")) && (await text("#save-hint")) === "", await text("#save-hint"));
  await page.waitForTimeout(100);
  const over = ([x, y]) => page.$eval("#overlay", (canvas, [x, y]) => canvas.getContext("2d").getImageData(x * canvas.width, y * canvas.height, 1, 1).data[3], [x, y]);
  expect("what is picked keeps its colours under the pointer", (await over(CUP)) === 0 && (await over(TABLE)) > 0, [await over(CUP), await over(TABLE)]);
  // By the buttons, to which the pointer has to leave the picture.
  await page.click("#larger");
  const grown = await share();
  expect("the button gives way to the larger part", grown > one, [grown, one]);
  await page.click("#smaller");
  expect("and back to the smaller one", (await share()) === one, await share());
  await page.click("#undo");
  expect("each of the two is a step", (await share()) === grown, await share());
  await page.click("#undo");
  await page.mouse.click(...at(...TABLE));
  const two = await share();
  expect("another click picks one more", two > one, [one, two]);
  await slide("#k", 25);
  expect("the slider leaves what was picked", (await share()) === two, await share());
  await slide("#k", 9);
  await page.keyboard.down("Alt");
  await page.mouse.click(...at(...TABLE));
  await page.keyboard.up("Alt");
  expect("Alt-click takes away", (await share()) === one, await share());
  await page.check("#take-away");
  await page.mouse.click(...at(...CUP));
  expect("so does the other tool", (await share()) === 0, await share());
  await page.check("#add");

  // Steps back and again.
  for (const expected of [one, two, one, 0]) {
    await page.click("#undo");
    expect("undo", (await share()) === expected, [expected, await share()]);
  }
  expect("nothing is left to undo", await page.isDisabled("#undo"));
  await page.keyboard.press("Control+Shift+Z");
  await page.keyboard.press("Control+Y");
  expect("redo", (await share()) === two, await share());
  await page.click("#clear-picked");

  await page.mouse.move(...at(...CUP));
  await page.mouse.wheel(0, 200);
  await page.waitForTimeout(100);
  await page.mouse.click(...at(...CUP));
  const smaller = await share();
  expect("the wheel descends to a smaller part", smaller > 0 && smaller < one, [smaller, one]);
  await page.click("#clear-picked");
  await page.mouse.move(...at(...CUP));
  await page.mouse.wheel(0, -200);
  await page.mouse.wheel(0, -200);
  await page.waitForTimeout(100);
  await page.mouse.click(...at(...CUP));
  const larger = await share();
  expect("and climbs to a larger one", larger > smaller, [larger, smaller]);
  await page.click("#clear-picked");

  // Dragged over several: one step.
  await page.mouse.move(...at(...TABLE));
  await page.mouse.down();
  await page.mouse.move(...at(...CUP), { steps: 12 });
  await page.mouse.up();
  const dragged = await share();
  expect("a drag picks several", dragged > one, dragged);
  await page.click("#undo");
  expect("and is one step", (await share()) === 0, await share());

  // Response to the pointer.
  const lit = [];
  for (let step = 0; step < 30; step += 1) {
    await page.mouse.move(...at(0.05 + 0.03 * step, 0.2 + 0.02 * step));
    await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
    lit.push(Number(await page.getAttribute("#overlay", "data-lit")));
  }
  lit.sort((a, b) => a - b);
  console.error(`lighting a part: median ${lit[15]} ms, longest ${lit[29]} ms`);
  expect("a part is lit within a frame", lit[15] < 16, lit[15]);

  await byKeyboard(all, share);
  await byTouch(all, share, at(...CUP));

  // Taken along.
  await page.mouse.click(...at(...CUP));
  await shot("picked", false);
  const cutOut = await saved(() => page.click("#save"));
  expect("a cut-out of the photograph's size", cutOut.name === "coffee.cut-out.png" && `${pngSize(cutOut.bytes)}` === "600,400", [cutOut.name, pngSize(cutOut.bytes)]);
  const opaque = await page.evaluate(async (bytes) => {
    const bitmap = await createImageBitmap(new Blob([new Uint8Array(bytes)]));
    const pen = new OffscreenCanvas(bitmap.width, bitmap.height).getContext("2d");
    pen.drawImage(bitmap, 0, 0);
    const { data } = pen.getImageData(0, 0, bitmap.width, bitmap.height);
    return data.filter((value, at) => at % 4 === 3 && value === 255).length / (data.length / 4);
  }, [...cutOut.bytes]);
  expect("opaque where it was picked and nowhere else", Math.abs(100 * opaque - (await share())) < 0.1, opaque);
  const files = { "object-svg": /^coffee\.object\.svg$/, "object-coco": /^coffee\.object\.json$/, picture: /^coffee\.outlines\.png$/, labels: /^coffee\.labels\.png$/, svg: /^coffee\.outlines\.svg$/, coco: /^coffee\.segments\.json$/ };
  for (const [form, name] of Object.entries(files)) {
    await page.selectOption("#save-as", form);
    const file = await saved(() => page.click("#save"));
    const words = file.bytes.toString("utf8");
    const paths = words.split("<path").length - 1;
    const holds = {
      "object-svg": () => paths === 1,
      "object-coco": () => JSON.parse(words).annotations.length === 1 && JSON.parse(words).images[0].file_name === "coffee.jpg",
      picture: () => `${pngSize(file.bytes)}` === "600,400",
      labels: () => `${pngSize(file.bytes)}` === "600,400" && file.bytes[24] === 16,
      svg: () => paths === 9,
      coco: () => JSON.parse(words).annotations.length === 9,
    }[form];
    expect(`saved as ${form}`, name.test(file.name) && holds(), file.name);
  }
  await page.selectOption("#save-as", "object");
  await page.click("#copy");
  await page.waitForFunction(() => /^Copied/.test(document.getElementById("picture-words").textContent));
  const copied = await page.evaluate(async () => (await navigator.clipboard.read())[0].types);
  expect("the clipboard holds a PNG", copied.includes("image/png"), copied);
  await page.click("#clear-picked");
  await page.focus("#picture");
  await page.keyboard.press("Control+c");
  expect("nothing picked, nothing copied, with a word", /^Nothing is picked yet/.test(await text("#picture-words")), await text("#picture-words"));
  await page.selectOption("#save-as", "labels");
  expect("all segments can be saved without", await page.isEnabled("#save"));
  await page.selectOption("#save-as", "object");

  // The cut-out shows faintly what may be picked, over a checkerboard.
  await page.check("input[value=cut-out]");
  await page.waitForFunction(() => document.getElementById("picture").classList.contains("transparent"));
  const nothing = await sum("#picture");
  expect("an empty cut-out is not blank", nothing > 0);
  const backed = await page.$eval("#picture", (canvas) => getComputedStyle(canvas).backgroundImage);
  expect("a checkerboard lies behind it", backed.includes("conic-gradient"), backed);
  await page.mouse.click(...at(...CUP));
  await page.waitForTimeout(200);
  expect("what is picked shows", (await sum("#picture")) !== nothing);
  await shot("cut-out", false);
  await page.click("#clear-picked");
  await page.check("input[value=outlines]");
}

async function byKeyboard({ page, expect, shot, sum }, share) {
  await page.mouse.move(2, 2);
  await page.focus("#picture");
  for (const key of ["ArrowRight", "ArrowDown"]) await page.keyboard.press(key);
  await page.waitForTimeout(100);
  const marked = await sum("#overlay");
  await page.keyboard.press("Shift+ArrowLeft");
  await page.waitForTimeout(100);
  expect("the mark is drawn where it moves", (await sum("#overlay")) !== marked);
  await page.keyboard.press("Enter");
  const one = await share();
  expect("Enter picks", one > 0, one);
  await shot("keyboard", false);
  await page.keyboard.press("+");
  await page.keyboard.press("Enter");
  const larger = await share();
  expect("+ climbs", larger > one, [one, larger]);
  await page.keyboard.press("Delete");
  expect("Delete takes away", (await share()) < larger, await share());
  await page.keyboard.press("Control+Z");
  expect("Ctrl+Z undoes", (await share()) === larger, await share());
  await page.keyboard.press("Escape");
  expect("Escape clears", (await share()) === 0, await share());
}

async function byTouch({ page, context, expect }, share, [x, y]) {
  const session = await context.newCDPSession(page);
  const touch = (type, points) => session.send("Input.dispatchTouchEvent", { type, touchPoints: points });
  await touch("touchStart", [{ x, y }]);
  await touch("touchEnd", []);
  const one = await share();
  expect("a tap picks", one > 0, one);
  await page.click("#undo");
  await touch("touchStart", [{ x: x - 150, y }]);
  for (let step = 1; step <= 10; step += 1) await touch("touchMove", [{ x: x - 150 + 30 * step, y: y + 8 * step }]);
  await touch("touchEnd", []);
  expect("a finger that is dragged picks several", (await share()) > one, await share());
  await page.click("#clear-picked");
  await session.detach();
}
