// Files that are good, large, turned, transparent and bad, and the ways they come in.

import { readFile } from "node:fs/promises";
import { join } from "node:path";

import { png, pngSize } from "./harness.mjs";

export async function checkFiles({ page, dist, expect, text, state, forget, upload, saved, held }) {
  const large = png(4000, 3000);
  await upload("large.png", "image/png", large, "done");
  console.error(`memory after 4000 × 3000 pixels: ${await held()} MiB`);
  expect("4000 × 3000 pixels survive", (await text("#picture-words")).includes("segment"), await text("#picture-words"));
  await page.selectOption("#save-as", "picture");
  const whole = await saved(() => page.click("#save"));
  expect("and are saved whole", `${pngSize(whole.bytes)}` === "4000,3000", pngSize(whole.bytes));
  await upload("huge.png", "image/png", png(5000, 3600), "done");
  expect("more than 12 megapixels are made smaller, with a word", /12 megapixels/.test(await text("#notice")), await text("#notice"));
  await upload("vast.png", "image/png", png(9000, 7000), "done");
  expect("63 megapixels are made smaller by the browser", /9000 × 7000 .* to 3927 × 3055/.test(await text("#notice")), await text("#notice"));
  await upload("words.txt", "image/png", Buffer.from("no picture at all"), "failed");
  expect("another file shows an error", /words\.txt: expected a JPEG, PNG or WebP picture/.test(await text("#error")), await text("#error"));
  await upload("half.png", "image/png", large.subarray(0, large.length >> 1), "failed");
  expect("half a file shows an error", /half\.png: expected/.test(await text("#error")), await text("#error"));
  const sampleBytes = await readFile(join(dist, "samples/coffee.jpg"));
  await upload("cut.jpg", "image/jpeg", sampleBytes.subarray(0, 40000), "failed");
  expect("half a JPEG shows an error", /cut\.jpg: expected a whole JPEG .* missing or broken/.test(await text("#error")), await text("#error"));
  const webp = await page.evaluate(async () => {
    const photograph = await createImageBitmap(await (await fetch("samples/chelsea.jpg")).blob());
    const canvas = new OffscreenCanvas(photograph.width, photograph.height);
    canvas.getContext("2d").drawImage(photograph, 0, 0);
    return [...new Uint8Array(await (await canvas.convertToBlob({ type: "image/webp" })).arrayBuffer())];
  });
  expect("Chromium made a WebP", Buffer.from(webp).toString("latin1", 8, 12) === "WEBP");
  await upload("cat.webp", "image/webp", Buffer.from(webp), "done");
  expect("a WebP is segmented", /segments/.test(await text("#picture-words")), await text("#picture-words"));
  // A GIF of one red and one blue half, by hand: the browser's decoder.
  const gif = Buffer.from("474946383961020001008000" + "00ff00000000ff" + "2c000000000200010000" + "02020c0a003b", "hex");
  await upload("two.gif", "image/gif", gif, "done");
  expect("a GIF is read by the browser", /segment/.test(await text("#picture-words")), await text("#picture-words"));
  await checkTransparency({ page, expect, upload, saved });
  await checkInterrupted({ page, dist, expect, text, state, forget });
  await upload("empty.jpg", "image/jpeg", Buffer.alloc(0), "failed");
  expect("an empty file shows an error", /empty file/.test(await text("#error")), await text("#error"));
  await upload("tiny.png", "image/png", png(3, 2), "done");
  expect("six pixels are segmented", /segment/.test(await text("#picture-words")), await text("#picture-words"));
  // A module's memory never shrinks: its size now is its maximum.
  const memory = await held();
  expect("at most 512 MiB of memory, large pictures opened and saved", memory > 0 && memory <= 512, memory);

  // The camera: Chromium's own test picture.
  await forget();
  await page.click("#camera");
  await page.waitForFunction(() => document.getElementById("camera-video").videoWidth > 0);
  await page.click("#camera-take");
  await state("done");
  expect("a picture of the camera", (await page.getAttribute("#picture", "aria-label")).startsWith("camera.png"));

  // A picture that is pasted, and one that is dropped.
  for (const way of ["paste", "drop"]) {
    await forget();
    await page.evaluate(async (way) => {
      const blob = await (await fetch("samples/chelsea.jpg")).blob();
      const data = new DataTransfer();
      data.items.add(new File([blob], `${way}.jpg`, { type: "image/jpeg" }));
      const event = way === "paste" ? new ClipboardEvent("paste", { clipboardData: data, bubbles: true }) : new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true });
      document.body.dispatchEvent(event);
    }, way);
    await state("done");
    expect(`a picture by ${way}`, (await page.getAttribute("#picture", "aria-label")).startsWith(`${way}.jpg`));
  }
}

/** Erased content stays erased, on the page and in what is saved. */
async function checkTransparency({ page, expect, upload, saved }) {
  await upload("hole.png", "image/png", png(300, 200, { left: 0, top: 0, right: 90, bottom: 60 }), "done");
  const opacity = (x, y) => page.$eval("#picture", (canvas, [x, y]) => canvas.getContext("2d").getImageData(x, y, 1, 1).data[3], [x, y]);
  expect("nothing shows where the file is transparent", (await opacity(20, 20)) === 0 && (await opacity(200, 150)) === 255, [await opacity(20, 20), await opacity(200, 150)]);
  expect("a checkerboard lies behind", await page.$eval("#picture", (canvas) => canvas.classList.contains("transparent")));
  const before = await page.textContent("#picture-words");
  const box = await (await page.$("#picture")).boundingBox();
  await page.mouse.click(box.x + (20 / 300) * box.width, box.y + (20 / 200) * box.height);
  expect("there is nothing to pick there", (await page.textContent("#picture-words")) === before, await page.textContent("#picture-words"));
  await page.selectOption("#save-as", "labels");
  const labels = await saved(() => page.click("#save"));
  expect("labels are saved", `${pngSize(labels.bytes)}` === "300,200", pngSize(labels.bytes));
}

/** A bad file while a picture is computed leaves that one alone; a good one takes its place. */
async function checkInterrupted({ page, dist, expect, text, state, forget }) {
  const good = await readFile(join(dist, "samples/astronaut.jpg"));
  const give = (name, buffer) => page.setInputFiles("#file", { name, mimeType: "image/jpeg", buffer });
  await forget();
  await page.evaluate(() => {
    const words = document.getElementById("picture-words");
    window.said = [];
    new MutationObserver(() => window.said.push(words.textContent)).observe(words, { childList: true, characterData: true, subtree: true });
  });
  await give("one.jpg", good);
  await page.waitForFunction(() => document.getElementById("picture-words").textContent.startsWith("Looking …"));
  await give("bad.jpg", Buffer.from("no picture"));
  await page.waitForFunction(() => !document.getElementById("error").hidden);
  await page.waitForFunction(() => /^\d+ segment/.test(document.getElementById("picture-words").textContent) && !document.getElementById("save").disabled);
  const said = await page.evaluate(() => window.said);
  const shares = (stage) => said.filter((words) => words.includes(`the ${stage} of four`)).flatMap((words) => words.match(/\d+(?= %)/) ?? []).map(Number);
  for (const stage of ["first", "fourth"]) {
    const found = shares(stage);
    expect(`the ${stage} stage says its share`, found.length > 2 && found.at(-1) === 100 && found.every((share, at) => share >= (found[at - 1] ?? 1)), said.join("; "));
  }
  expect("a bad file leaves the picture under way alone", (await page.getAttribute("#picture", "aria-label")).startsWith("one.jpg") && /bad\.jpg/.test(await text("#error")), await text("#error"));
  await forget();
  await give("two.jpg", good);
  await give("three.jpg", await readFile(join(dist, "samples/rocket.jpg")));
  await state("done");
  await page.waitForFunction(() => document.getElementById("picture").getAttribute("aria-label").startsWith("three.jpg in"));
  expect("the newest picture is shown, without an error", await page.isHidden("#error"), await text("#error"));
}
