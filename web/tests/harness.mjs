// What every part of the page's test needs: a server, a browser, expectations, pictures.

import { createServer } from "node:http";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { extname, join, normalize } from "node:path";
import { tmpdir } from "node:os";
import { crc32, deflateSync, gzipSync } from "node:zlib";

const TYPES = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".css": "text/css",
  ".json": "application/json",
  ".webmanifest": "application/manifest+json",
  ".wasm": "application/wasm",
  ".svg": "image/svg+xml",
  ".jpg": "image/jpeg",
  ".md": "text/plain; charset=utf-8",
};
const POLICY = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self'; img-src 'self' blob:; media-src 'self' blob:; manifest-src 'self'; style-src 'self'; base-uri 'none'; form-action 'none'";

/**
 * Serves a folder on this machine under the page's own policy; `requests` lists what was asked for, `sent` the bytes of each
 * answer; while `down` it answers nothing. With `compress`, text and modules are gzipped, as static hosts do.
 */
export async function serve(dist, compress = false) {
  const served = { requests: [], sent: [], down: false, close: () => {} };
  const server = createServer(async (request, response) => {
    const path = normalize(decodeURIComponent(new URL(request.url, "http://a").pathname));
    served.requests.push(path);
    if (served.down) {
      request.socket.destroy();
      return;
    }
    try {
      const whole = await readFile(join(dist, path === "/" ? "index.html" : path));
      const gzipped = compress && !/\.(jpg|safetensors)$/.test(path);
      const file = gzipped ? gzipSync(whole) : whole;
      served.sent.push([path, file.length]);
      response.writeHead(200, {
        ...(gzipped ? { "Content-Encoding": "gzip" } : {}),
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
  served.origin = `http://127.0.0.1:${server.address().port}/`;
  served.close = () => server.close();
  return served;
}

/** A browser of its own with one page, which notes errors of the console and requests to other hosts as failures. */
export async function launch(driver, chromium, origin, failures) {
  const profile = await mkdtemp(join(tmpdir(), "page-"));
  const context = await driver.launchPersistentContext(profile, {
    executablePath: chromium,
    headless: true,
    acceptDownloads: true,
    permissions: ["camera", "clipboard-read", "clipboard-write"],
    viewport: { width: 1280, height: 900 },
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"],
  });
  const page = await context.newPage();
  page.setDefaultTimeout(120000);
  page.on("console", (message) => {
    if (message.type() === "error") failures.push(`console: ${message.text()}`);
  });
  page.on("pageerror", (error) => failures.push(`page: ${error.stack ?? error}`));
  page.on("request", (request) => {
    const url = request.url();
    if (!url.startsWith(origin) && !url.startsWith("blob:") && !url.startsWith("data:")) failures.push(`a request to ${url}`);
  });
  const close = async () => {
    await context.close();
    await rm(profile, { recursive: true, force: true });
  };
  return { context, page, close };
}

/** Functions on a page that all parts use. */
export function tools({ page, out, failures }) {
  const text = (selector) => page.textContent(selector);
  const state = (wanted) => page.waitForFunction((wanted) => document.body.dataset.state === wanted, wanted);
  const forget = () => page.evaluate(() => delete document.body.dataset.state);
  return {
    page,
    text,
    state,
    forget,
    expect(name, holds, found) {
      if (!holds) failures.push(`${name}: found ${JSON.stringify(found)}`);
      console.error(`${holds ? "ok    " : "FAILED"} ${name}${found === undefined ? "" : `: ${JSON.stringify(found)}`}`);
    },
    shot: (name, whole = true) => page.screenshot({ path: join(out, `${name}.png`), fullPage: whole }),
    async sample(name) {
      await forget();
      await page.click(`[data-sample="${name}"]`);
      await state("done");
    },
    /** Gives the file input these bytes and waits for the outcome. */
    async upload(name, mimeType, buffer, wanted) {
      await forget();
      await page.setInputFiles("#file", { name, mimeType, buffer });
      await state(wanted);
    },
    /** A number that tells two contents of a canvas apart. */
    sum: (selector) => page.$eval(selector, (canvas) => {
      const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
      return data.reduce((sum, value, at) => (sum + value * (1 + (at % 251))) % 1e9, 0);
    }),
    /** The file that a press saves. */
    async saved(press) {
      const [download] = await Promise.all([page.waitForEvent("download"), press()]);
      return { name: download.suggestedFilename(), bytes: await readFile(await download.path()) };
    },
    /** MiB of the module; it never shrinks, so that this is the most it had. */
    held: () => page.evaluate(() => Math.round(Number(document.body.dataset.memory) / 2 ** 20)),
    /** Sets a range and tells the page. */
    slide: (selector, value) => page.$eval(selector, (range, value) => {
      range.value = value;
      range.dispatchEvent(new Event("input", { bubbles: true }));
    }, value),
  };
}

/** A PNG of so many pixels, with something in it; with `hole`, transparent there: { left, top, right, bottom }. */
export function png(width, height, hole = null) {
  const bytes = hole ? 4 : 3;
  const rows = Buffer.alloc(height * (1 + bytes * width));
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const at = y * (1 + bytes * width) + 1 + bytes * x;
      const inside = (x / width - 0.5) ** 2 + (y / height - 0.5) ** 2 < 0.06;
      rows[at] = inside ? 220 : (x * 90) / width;
      rows[at + 1] = inside ? 90 : 120;
      rows[at + 2] = inside ? 40 : 200 - (y * 90) / height;
      if (hole) rows[at + 3] = x >= hole.left && x < hole.right && y >= hole.top && y < hole.bottom ? 0 : 255;
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
  header.set([8, hole ? 6 : 2], 8);
  return Buffer.concat([Buffer.from("\x89PNG\r\n\x1a\n", "latin1"), chunk("IHDR", header), chunk("IDAT", deflateSync(rows, { level: 1 })), chunk("IEND", Buffer.alloc(0))]);
}

/** Width and height that a PNG's header says. */
export const pngSize = (bytes) => (bytes.toString("latin1", 1, 4) === "PNG" ? [bytes.readUInt32BE(16), bytes.readUInt32BE(20)] : null);
