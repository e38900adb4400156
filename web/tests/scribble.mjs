// A head learns from strokes.

export async function checkScribble({ page, expect, shot, text, sample, saved, state, sum }) {
  const pad = await page.$("#pad");
  const box = await pad.boundingBox();
  const scribble = async (label, points) => {
    await page.check(`#labels input[value="${label}"]`);
    await page.mouse.move(box.x + points[0][0] * box.width, box.y + points[0][1] * box.height);
    await page.mouse.down();
    for (const [x, y] of points) await page.mouse.move(box.x + x * box.width, box.y + y * box.height, { steps: 8 });
    await page.mouse.up();
  };
  expect("without strokes there is nothing to train on", await page.isDisabled("#learn"));
  expect("and no empty box for its curves", (await page.isHidden("#curves")) && (await page.isVisible("#no-curves")));
  await scribble(1, [[0.35, 0.45], [0.6, 0.5], [0.5, 0.75]]);
  await scribble(2, [[0.03, 0.1], [0.3, 0.08], [0.03, 0.6]]);
  await page.click("#learn");
  await page.waitForFunction(() => document.getElementById("pad").dataset.trained, undefined, { timeout: 300000 });
  const words = await text("#objective-words");
  const [from, to] = words.split(" → ").map(Number);
  expect("the objective falls", to < 0.6 * from, words);
  expect("curves are drawn", (await page.$$("#curves path")).length === 3);
  console.error(await text("#pad-words"));
  await shot("train");

  // The head is used: in the picker, on another picture, and out of a file.
  await page.click("#use-taught");
  await page.waitForFunction(() => document.getElementById("head").value === "taught" && !document.getElementById("segment").hidden);
  await sample("chelsea.jpg");
  const [people, taught] = [[], []];
  const look = async (head) => {
    await page.selectOption("#head", head);
    await page.waitForTimeout(1500);
    return sum("#vectors canvas");
  };
  taught.push(await look("taught"));
  people.push(await look("trained"));
  expect("the taught head sees another picture in its own way", taught[0] !== people[0]);
  await page.selectOption("#head", "taught");
  await page.check("#compare");
  await page.waitForFunction(() => /^Left learned from your strokes/.test(document.getElementById("compare-words").textContent));
  expect("the left half says whose strokes it learned from", (await text("#tag-left")) === "learned from your strokes", await text("#tag-left"));
  await page.uncheck("#compare");
  await page.selectOption("#head", "trained");
  await page.click("#tab-train");
  const file = await saved(() => page.click("#save-taught"));
  expect("the head is saved", file.name === "head.safetensors" && file.bytes.length > 10000, [file.name, file.bytes.length]);
  await page.reload();
  await state("done");
  expect("a new visit has no taught head", await page.$eval("#head [value=taught]", (option) => option.disabled));
  await page.setInputFiles("#load-taught", { name: "broken.safetensors", mimeType: "", buffer: file.bytes.subarray(0, 100) });
  await page.waitForFunction(() => /broken/.test(document.getElementById("error").textContent));
  expect("a broken head is refused", await page.isVisible("#error"), await text("#error"));
  await page.setInputFiles("#load-taught", { name: "head.safetensors", mimeType: "", buffer: file.bytes });
  await page.waitForFunction(() => !document.getElementById("use-taught").disabled);
  await page.click("#tab-segment");
  taught.push(await look("taught"));
  expect("a head out of a file sees the same", taught[1] === taught[0], taught);
  await page.selectOption("#head", "trained");
  await page.click("#tab-train");
}
