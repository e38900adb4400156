// The segments: stages, the slider, styles, an untrained head, and that they are the command line's.

import { readFile } from "node:fs/promises";
import { join } from "node:path";

export async function checkSegments({ page, native, alone, expect, shot, text, sample, upload, sum, held, slide, saved }) {
  await page.waitForFunction(() => document.body.dataset.mirror === "ready" || navigator.hardwareConcurrency < 2);
  // A photograph of the size that BSDS500 has.
  const bytes = await page.evaluate(async () => {
    const photograph = await createImageBitmap(await (await fetch("samples/china.jpg")).blob());
    const canvas = new OffscreenCanvas(481, 321);
    canvas.getContext("2d").drawImage(photograph, 0, 0, 481, 321);
    return [...new Uint8Array(await (await canvas.convertToBlob({ type: "image/png" })).arrayBuffer())];
  });
  const totals = [];
  for (let time = 0; time < 4; time += 1) {
    await upload("china.png", "image/png", Buffer.from(bytes), "done");
    totals.push(Number(await page.getAttribute("#picture", "data-total")));
  }
  console.error(`memory after 481 × 321 pixels: ${await held()} MiB`);
  console.error(`segmentations of 481 × 321, the first and later ones: ${totals.join(", ")} ms`);
  await sample("rocket.jpg");
  const times = await page.$$eval("#segment .stages .time", (all) => all.map((time) => time.textContent));
  expect("every stage shows its time", times.length === 4 && times.every((time) => /\d (ms|s)$/.test(time)), times);
  await shot("segment");
  await sample("coffee.jpg");
  await page.selectOption("#save-as", "labels");
  const both = await saved(() => page.click("#save"));
  expect("a second worker at the mirror image changes no label", both.bytes.equals(alone), both.bytes.length);
  await page.selectOption("#save-as", "object");

  const redraws = [];
  for (const k of [3, 12, 25, 6]) {
    const before = await sum("#picture");
    await page.evaluate(() => delete document.getElementById("picture").dataset.redrawn);
    await slide("#k", k);
    await page.waitForFunction(() => document.getElementById("picture").dataset.redrawn);
    redraws.push(Number(await page.getAttribute("#picture", "data-redrawn")));
    expect(`${k} segments are drawn`, (await text("#picture-words")).startsWith(`${k} segments`), await text("#picture-words"));
    expect(`${k} segments change the picture`, (await sum("#picture")) !== before);
  }
  console.error(`the slider: ${redraws.join(", ")} ms`);
  expect("the address keeps the slider", /segments=6/.test(page.url()) && /sample=coffee/.test(page.url()), page.url());
  const outlined = await sum("#picture");
  await page.check("input[value=fill]");
  await page.waitForFunction(() => /draw=fill/.test(location.hash));
  await page.waitForTimeout(200);
  expect("filled segments are another picture", (await sum("#picture")) !== outlined);
  await page.check("input[value=outlines]");

  const position = () => page.getAttribute("#heat", "data-position");
  await page.hover("#picture", { position: { x: 80, y: 60 } });
  await page.waitForFunction(() => document.getElementById("heat").dataset.position);
  const [one, at] = [await sum("#heat"), await position()];
  await page.hover("#picture", { position: { x: 420, y: 260 } });
  await page.waitForFunction((at) => document.getElementById("heat").dataset.position !== at, at);
  await page.waitForTimeout(200);
  expect("another place is like other places", (await sum("#heat")) !== one, [at, await position()]);
  expect("the likeness says its range", /^Cosine from 0\.\d+, dark, to 1, bright\.$/.test(await text("#heat-words")), await text("#heat-words"));
  expect("eigenvectors are shown", (await page.$$("#vectors canvas")).length === 6);
  const counted = await page.$$eval("#vectors figcaption", (all) => all.map((words) => Number(/counts (\d+) %/.exec(words.textContent)[1])));
  expect("with how much each counts, the largest first", counted.every((count, at) => count > 0 && count < 100 && count <= (counted[at - 1] ?? 100)), counted);

  // Two halves side by side against two one above the other: each shares a third with each.
  const thirds = await page.evaluate(async () => {
    const [{ Overlap }, { PartTree }] = await Promise.all([import("./overlap.js"), import("./part-tree.js")]);
    const tree = (ids) => new PartTree({ width: 2, height: 2, count: 2, ids: Uint16Array.from(ids), merges: Uint32Array.of(0, 1) });
    const [beside, above] = [tree([0, 1, 0, 1]), tree([0, 0, 1, 1])];
    return [new Overlap(beside, above).at(2), new Overlap(beside, above).at(1), new Overlap(beside, beside).at(2), new Overlap(beside, above).leastAlike(1, 2)];
  });
  expect("overlaps are right on four pixels", Math.abs(thirds[0] - 1 / 3) < 1e-12 && `${thirds.slice(1)}` === "1,1,2", thirds);

  await page.check("#compare");
  await page.waitForFunction(() => /right untrained, \d+ segments/.test(document.getElementById("compare-words").textContent));
  const overlap = async (k) => {
    await slide("#k", k);
    await page.waitForFunction((k) => document.getElementById("compare-words").textContent.includes(`right untrained, ${k} segments`), k);
    return Number(/overlap by ([\d.]+) /.exec(await text("#compare-words"))[1]);
  };
  const most = Number(await page.$eval("#k", (range) => range.value));
  const least = await overlap(most);
  for (const k of [4, 7, 12]) expect(`with ${k} segments the two are no less alike`, (await overlap(k)) >= least, [await overlap(k), least, most]);
  const tags = await page.$$eval(".tag", (all) => all.map((tag) => tag.textContent));
  expect("both halves have their names", `${tags}` === "learned from people,untrained", tags);
  await page.click("#compare-most");
  await page.waitForFunction(() => document.getElementById("picture").getAttribute("aria-label").startsWith("chelsea.jpg in") && /, \d+ segments each: of 4 to 12/.test(document.getElementById("compare-words").textContent));
  expect("the cat shows most what was learned", Number(/overlap by ([\d.]+) /.exec(await text("#compare-words"))[1]) < 0.5, await text("#compare-words"));
  expect("trained and untrained differ", (await sum("#untrained")) !== (await sum("#picture")));
  const took = await page.textContent("#stage-segments .time");
  expect("another head leaves the times alone", /s$/.test(took), took);
  await shot("compare");
  await page.uncheck("#compare");

  // The same answer as the command line.
  for (const name of ["coffee", "chelsea", "rocket"]) {
    const found = await page.evaluate(async (name) => {
      const { SessionWorker } = await import("./session-worker.js");
      const { PartTree } = await import("./part-tree.js");
      window.second ??= new SessionWorker().start();
      await window.second.ready;
      const bytes = await (await fetch(`samples/${name}.jpg`)).arrayBuffer();
      const { scene, width, height } = await window.second.call("open", name, bytes, 640);
      const about = (...values) => window.second.about(scene, ...values);
      await about("features");
      await about("eigenvectors", "trained");
      const pieces = await about("segments", "trained");
      const tree = new PartTree({ width, height, ...pieces });
      const embedding = await about("embedding", "trained");
      return { ids: [...tree.labels(tree.mergesFor(pieces.chosen))], embedding: [...embedding] };
    }, name);
    const own = await readFile(join(native, `${name}.labels`));
    const theirs = Array.from({ length: own.length / 2 }, (_, at) => own.readUInt16LE(2 * at));
    expect(`${name}: as many pixels`, theirs.length === found.ids.length, [theirs.length, found.ids.length]);
    // Both number segments in the order of their first appearance.
    const agree = theirs.filter((id, at) => id === found.ids[at]).length / theirs.length;
    expect(`${name}: label maps agree on 99.5 % of pixels`, agree >= 0.995, agree);
    const file = await readFile(join(native, `${name}.embedding`));
    const vectors = Array.from({ length: file.length / 8 }, (_, at) => file.readDoubleLE(8 * at));
    const far = vectors.reduce((most, value, at) => Math.max(most, Math.abs(value - found.embedding[at])), 0);
    expect(`${name}: embeddings agree to 1e-3`, vectors.length === found.embedding.length && far < 1e-3, far);
  }
}
