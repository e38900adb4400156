// The page in headless Chromium, through all exhibits; called by `cargo xtask web --test`.
//
//   node page.mjs DIST NATIVE OUT PLAYWRIGHT CHROMIUM
//
// DIST is served on 127.0.0.1. NATIVE holds the command line's answers. Screenshots go to OUT. Anything that the
// browser's console calls an error, a request to another host, and a failed expectation end with exit code 1.

import { createServer } from "node:http";
import { readFile, writeFile, mkdtemp, rm } from "node:fs/promises";
import { extname, join, normalize } from "node:path";
import { tmpdir } from "node:os";
import { pathToFileURL } from "node:url";
import { deflateSync, crc32 } from "node:zlib";

const [dist, native, out, playwright, chromium] = process.argv.slice(2);
const { chromium: driver } = (await import(pathToFileURL(join(playwright, "index.js")))).default;

const TYPES = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".css": "text/css",
  ".json": "application/json",
  ".wasm": "application/wasm",
  ".svg": "image/svg+xml",
  ".jpg": "image/jpeg",
  ".md": "text/plain; charset=utf-8",
};
const POLICY = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self'; img-src 'self' blob:; media-src 'self' blob:; style-src 'self'; base-uri 'none'; form-action 'none'";

const failures = [];
function expect(name, holds, found) {
  if (!holds) failures.push(`${name}: found ${JSON.stringify(found)}`);
  console.error(`${holds ? "ok    " : "FAILED"} ${name}${found === undefined ? "" : `: ${JSON.stringify(found)}`}`);
}

let requests = [];
const server = createServer(async (request, response) => {
  const path = normalize(decodeURIComponent(new URL(request.url, "http://a").pathname));
  requests.push(path);
  try {
    const file = await readFile(join(dist, path === "/" ? "index.html" : path));
    response.writeHead(200, {
      "Content-Type": TYPES[extname(path)] ?? (path === "/" ? TYPES[".html"] : "application/octet-stream"),
      "Content-Length": file.length,
      "Content-Security-Policy": POLICY,
    });
    response.end(file);
  } catch {
    response.writeHead(404).end();
  }
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const origin = `http://127.0.0.1:${server.address().port}/`;

const profile = await mkdtemp(join(tmpdir(), "page-"));
const context = await driver.launchPersistentContext(profile, {
  executablePath: chromium,
  headless: true,
  acceptDownloads: true,
  permissions: ["camera", "clipboard-read", "clipboard-write"],
  viewport: { width: 1280, height: 1000 },
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"],
});
const page = await context.newPage();
page.setDefaultTimeout(120000);
// Every error on the console fails the test, except those that a step expects.
page.on("console", (message) => {
  if (message.type() === "error") failures.push(`console: ${message.text()}`);
});
page.on("pageerror", (error) => failures.push(`page: ${error.stack ?? error}`));
page.on("request", (request) => {
  const url = request.url();
  if (!url.startsWith(origin) && !url.startsWith("blob:") && !url.startsWith("data:")) failures.push(`a request to ${url}`);
});

const state = (wanted) => page.waitForFunction((wanted) => document.body.dataset.state === wanted, wanted);
const shot = (name) => page.screenshot({ path: join(out, `${name}.png`), fullPage: true });
const text = (selector) => page.textContent(selector);
const sample = async (name) => {
  await page.evaluate(() => delete document.body.dataset.state);
  await page.click(`[data-sample="${name}"]`);
  await state("done");
};
/** Gives the file input these bytes and waits for the outcome. */
const upload = async (name, mimeType, buffer, wanted) => {
  await page.evaluate(() => delete document.body.dataset.state);
  await page.setInputFiles("#file", { name, mimeType, buffer });
  await state(wanted);
};
const sum = (selector) => page.$eval(selector, (canvas) => {
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  return data.reduce((sum, value, at) => (sum + value * (1 + (at % 251))) % 1e9, 0);
});

try {
  // Start.
  const begin = performance.now();
  await page.goto(origin);
  await page.waitForFunction(() => document.getElementById("load-bar").hidden);
  console.error(`loaded in ${(performance.now() - begin).toFixed(0)} ms`);
  expect("the title", (await page.title()).startsWith("matbackprop"));

  // Exhibit 1, on a photograph of the size that BSDS500 has.
  const bytes = await page.evaluate(async () => {
    const photograph = await createImageBitmap(await (await fetch("samples/china.jpg")).blob());
    const canvas = new OffscreenCanvas(481, 321);
    canvas.getContext("2d").drawImage(photograph, 0, 0, 481, 321);
    return [...new Uint8Array(await (await canvas.convertToBlob({ type: "image/png" })).arrayBuffer())];
  });
  const held = () => page.evaluate(() => Math.round(Number(document.body.dataset.memory) / 2 ** 20));
  const totals = [];
  for (let time = 0; time < 4; time += 1) {
    await upload("china.png", "image/png", Buffer.from(bytes), "done");
    totals.push(Number(await page.getAttribute("#picture", "data-total")));
  }
  console.error(`memory after 481 × 321 pixels: ${await held()} MiB`);
  console.error(`segmentations of 481 × 321, the first and later ones: ${totals.join(", ")} ms`);
  await sample("rocket.jpg");
  const times = await page.$$eval(".stages .time", (all) => all.slice(0, 4).map((time) => time.textContent));
  expect("every stage shows its time", times.every((time) => /\d (ms|s)$/.test(time)), times);
  await shot("segment");
  await sample("coffee.jpg");

  const redraws = [];
  for (const k of [3, 12, 25, 6]) {
    const before = await sum("#picture");
    await page.$eval("#k", (slider, k) => {
      delete document.getElementById("picture").dataset.redrawn;
      slider.value = k;
      slider.dispatchEvent(new Event("input", { bubbles: true }));
    }, k);
    await page.waitForFunction(() => document.getElementById("picture").dataset.redrawn);
    redraws.push(Number(await page.getAttribute("#picture", "data-redrawn")));
    expect(`${k} segments are drawn`, (await text("#picture-words")).includes(`${k} segments`), await text("#picture-words"));
    expect(`${k} segments change the picture`, (await sum("#picture")) !== before);
  }
  console.error(`the slider: ${redraws.join(", ")} ms`);

  await page.hover("#picture", { position: { x: 80, y: 60 } });
  await page.waitForFunction(() => document.getElementById("heat").dataset.position);
  const [one, at] = [await sum("#heat"), await page.getAttribute("#heat", "data-position")];
  await page.hover("#picture", { position: { x: 420, y: 260 } });
  await page.waitForFunction((at) => document.getElementById("heat").dataset.position !== at, at);
  expect("another place has another row of W", (await sum("#heat")) !== one);
  expect("eigenvectors are shown", (await page.$$("#vectors canvas")).length === 6);

  await page.check("input[value=fill]");
  await page.click("#picture", { position: { x: 420, y: 260 } });
  await page.waitForFunction(() => document.getElementById("picture-words").textContent.includes("lifted"));
  await shot("lifted");
  await page.check("input[value=cut-out]");
  await page.waitForFunction(() => document.getElementById("picture").classList.contains("transparent"));
  const [download] = await Promise.all([page.waitForEvent("download"), page.click("#save")]);
  expect("the file's name", download.suggestedFilename() === "coffee.cut-out.png", download.suggestedFilename());
  const saved = await readFile(await download.path());
  expect("a PNG of the photograph's size", saved.toString("latin1", 1, 4) === "PNG" && saved.readUInt32BE(16) === 600 && saved.readUInt32BE(20) === 400, [saved.readUInt32BE(16), saved.readUInt32BE(20)]);
  await page.check("input[value=outlines]");

  await page.focus("#picture");
  const lifted = () => page.$eval("#picture-words", (words) => words.textContent);
  const before = await lifted();
  for (const key of ["ArrowRight", "ArrowDown", "Enter"]) await page.keyboard.press(key);
  await page.waitForFunction((before) => document.getElementById("picture-words").textContent !== before, before);
  expect("Enter lifts a segment, or puts it back", /segments?(, \d+ lifted)?$/.test(await lifted()), await lifted());

  await page.check("#compare");
  await page.waitForFunction(() => /Untrained head: \d/.test(document.getElementById("untrained-words").textContent));
  await shot("compare");
  await page.uncheck("#compare");

  // The same answer as the command line.
  for (const name of ["coffee", "chelsea", "rocket"]) {
    await sample(`${name}.jpg`);
    const found = await page.evaluate(async (name) => {
      const { SessionWorker } = await import("./session-worker.js");
      window.second ??= new SessionWorker(() => {});
      await window.second.ready;
      const bytes = await (await fetch(`samples/${name}.jpg`)).arrayBuffer();
      const { width, height } = await window.second.call("open", name, bytes, 640);
      await window.second.call("features");
      await window.second.call("eigenvectors", true);
      await window.second.call("segments", true);
      const { ids } = await window.second.call("cut", true, 0);
      const embedding = await window.second.call("embedding", true);
      return { width, height, ids: [...ids], embedding: [...embedding] };
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

  // Files that are good, large, turned, and bad.
  const large = png(4000, 3000);
  await upload("large.png", "image/png", large, "done");
  console.error(`memory after 4000 × 3000 pixels: ${await held()} MiB`);
  expect("4000 × 3000 pixels survive", (await text("#picture-words")).includes("segment"), await text("#picture-words"));
  const [wide] = await Promise.all([page.waitForEvent("download"), page.click("#save")]);
  const whole = await readFile(await wide.path());
  expect("and are saved whole", whole.readUInt32BE(16) === 4000 && whole.readUInt32BE(20) === 3000);
  await upload("huge.png", "image/png", png(5000, 3600), "done");
  expect("more than 12 megapixels are made smaller, with a word", /12 megapixels/.test(await text("#notice")), await text("#notice"));
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
  await upload("empty.jpg", "image/jpeg", Buffer.alloc(0), "failed");
  expect("an empty file shows an error", /empty file/.test(await text("#error")), await text("#error"));
  await upload("tiny.png", "image/png", png(3, 2), "done");
  expect("six pixels are segmented", /segment/.test(await text("#picture-words")), await text("#picture-words"));
  // A module's memory never shrinks: its size now is its maximum.
  const memory = await held();
  expect("at most 512 MiB of memory, large pictures opened and saved", memory > 0 && memory <= 512, memory);

  // The camera: Chromium's own test picture.
  await page.evaluate(() => delete document.body.dataset.state);
  await page.click("#camera");
  await page.waitForFunction(() => document.getElementById("camera-video").videoWidth > 0);
  await page.click("#camera-take");
  await state("done");
  expect("a picture of the camera", (await page.getAttribute("#picture", "aria-label")).startsWith("camera.png"));

  // A picture that is pasted, and one that is dropped.
  for (const way of ["paste", "drop"]) {
    await page.evaluate(() => delete document.body.dataset.state);
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

  // Exhibit 2.
  await page.click("#tab-gap");
  await page.waitForFunction(() => document.querySelector("#gap-plot path"));
  const errors = async (step) => {
    await page.$eval("#gap-range", (range, step) => {
      range.value = step;
      range.dispatchEvent(new Event("input", { bubbles: true }));
    }, step);
    await page.waitForFunction((step) => document.querySelector("#gap-words").dataset.step === `${step}`, step);
    return page.evaluate(() => ["gap-through-error", "gap-differences-error"].map((id) => Number(document.getElementById(id).dataset.error)));
  };
  const [wideThrough, wideBy] = await errors(5);
  expect("a wide gap: both gradients are right", wideThrough < 1e-13 && wideBy < 1e-13, [wideThrough, wideBy]);
  const [through, by] = await errors(130);
  expect("a gap of 1e-13: one explodes, the other stays", through > 1e-5 && by < 1e-13, [through, by]);
  const axis = await (await page.$("#axis")).boundingBox();
  const onAxis = (x) => page.mouse.move(axis.x + (x / 640) * axis.width, axis.y + axis.height / 2, { steps: 5 });
  await onAxis(360);
  await page.mouse.down();
  await onAxis(80);
  await page.mouse.up();
  const dragged = Number(await page.$eval("#gap-range", (range) => range.value));
  expect("λ₁ is dragged along its line", dragged > 5 && dragged < 40, dragged);
  await errors(130);
  await shot("gap");
  await page.focus("#tab-gap");
  await page.keyboard.press("ArrowRight");
  expect("arrow keys move between exhibits", (await page.getAttribute("#tab-train", "aria-selected")) === "true");

  // Exhibit 3.
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
  await scribble(1, [[0.35, 0.45], [0.6, 0.5], [0.5, 0.75]]);
  await scribble(2, [[0.03, 0.1], [0.3, 0.08], [0.03, 0.6]]);
  await page.click("#learn");
  await page.waitForFunction(() => document.getElementById("pad").dataset.trained, undefined, { timeout: 300000 });
  const words = await text("#objective-words");
  const [from, to] = words.split(" → ").map(Number);
  expect("the objective falls", to < 0.6 * from, words);
  console.error(await text("#pad-words"));
  await shot("train");

  // A phone, in the dark.
  await page.setViewportSize({ width: 390, height: 800 });
  await page.emulateMedia({ colorScheme: "dark" });
  const overflow = async () => page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  for (const name of ["segment", "gap", "train"]) {
    await page.click(`#tab-${name}`);
    await page.waitForTimeout(200);
    expect(`${name} fits a phone`, (await overflow()) <= 0, await overflow());
    await shot(`phone-${name}`);
  }

  // The browser keeps the network.
  requests = [];
  await page.reload();
  await page.waitForFunction(() => document.getElementById("load-bar").hidden);
  expect("the network comes out of the browser's cache", !requests.some((path) => path.endsWith(".safetensors")), requests.length);

  // A policy that holds: scripts in the page are refused.
  const refused = await page.evaluate(() => new Promise((resolve) => {
    document.addEventListener("securitypolicyviolation", (event) => resolve(event.violatedDirective));
    const script = document.createElement("script");
    script.textContent = "window.broken = true";
    document.body.append(script);
    setTimeout(() => resolve(null), 2000);
  }));
  expect("the policy refuses a script in the page", refused?.startsWith("script-src"), refused);
  // The console reports it too, once for the page's policy and once for the server's.
  for (let at = failures.length - 1; at >= 0; at -= 1) {
    if (/^console: Executing inline script violates/.test(failures[at])) failures.splice(at, 1);
  }
} catch (error) {
  failures.push(error.stack ?? String(error));
  await shot("failure").catch(() => {});
} finally {
  await context.close();
  server.close();
  await rm(profile, { recursive: true, force: true });
}
for (const failure of failures) console.error(`FAILED ${failure}`);
console.error(failures.length === 0 ? "the page: all well" : `the page: ${failures.length} failures`);
process.exit(failures.length === 0 ? 0 : 1);

/** A PNG of so many pixels, with something in it. */
function png(width, height) {
  const rows = Buffer.alloc(height * (1 + 3 * width));
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const at = y * (1 + 3 * width) + 1 + 3 * x;
      const inside = (x / width - 0.5) ** 2 + (y / height - 0.5) ** 2 < 0.06;
      rows[at] = inside ? 220 : (x * 90) / width;
      rows[at + 1] = inside ? 90 : 120;
      rows[at + 2] = inside ? 40 : 200 - (y * 90) / height;
    }
  }
  const chunk = (name, data) => {
    const body = Buffer.concat([Buffer.from(name, "latin1"), data]);
    const made = Buffer.alloc(body.length + 8);
    made.writeUInt32BE(data.length);
    body.copy(made, 4);
    made.writeUInt32BE(crc32(body), body.length + 4);
    return made;
  };
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width);
  header.writeUInt32BE(height, 4);
  header.set([8, 2], 8);
  return Buffer.concat([Buffer.from("\x89PNG\r\n\x1a\n", "latin1"), chunk("IHDR", header), chunk("IDAT", deflateSync(rows, { level: 1 })), chunk("IEND", Buffer.alloc(0))]);
}
