// The page in Firefox, by WebDriver BiDi: the first result, picking, the story, the digits; called by `cargo xtask web --test`.
//
//   node firefox.mjs DIST OUT MODULES FIREFOX
//
// Errors of the console and failed expectations end with exit code 1.

import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

import { serve } from "./harness.mjs";

const [dist, out, modules, program] = process.argv.slice(2);
const { WebSocket } = await import(pathToFileURL(join(modules, "ws/wrapper.mjs")));
/** Milliseconds that anything may take. */
const PATIENCE = 120000;

const failures = [];
const expect = (name, holds, found) => {
  if (!holds) failures.push(`${name}: found ${JSON.stringify(found)}`);
  console.error(`${holds ? "ok    " : "FAILED"} Firefox: ${name}${found === undefined ? "" : `: ${JSON.stringify(found)}`}`);
};

/** A browser with one page. */
class Firefox {
  #socket;
  #process;
  #profile;
  #next = 1;
  #waiting = new Map();

  async launch() {
    this.#profile = await mkdtemp(join(tmpdir(), "firefox-"));
    await writeFile(join(this.#profile, "user.js"), 'user_pref("browser.shell.checkDefaultBrowser", false);\nuser_pref("datareporting.policy.dataSubmissionEnabled", false);\nuser_pref("app.normandy.enabled", false);\nuser_pref("network.captive-portal-service.enabled", false);\nuser_pref("network.connectivity-service.enabled", false);\n');
    this.#process = spawn(program, ["--headless", "--no-remote", "--profile", this.#profile, "--remote-debugging-port", "0", "about:blank"], { stdio: ["ignore", "ignore", "pipe"] });
    const address = await new Promise((resolve, reject) => {
      let words = "";
      this.#process.stderr.on("data", (data) => {
        words += data;
        const found = /WebDriver BiDi listening on (ws:\S+)/.exec(words);
        if (found) resolve(found[1]);
      });
      this.#process.on("exit", () => reject(new Error(`Firefox ended: ${words.slice(-400)}`)));
    });
    this.#socket = new WebSocket(`${address}/session`);
    await new Promise((resolve, reject) => this.#socket.on("open", resolve).on("error", reject));
    this.#socket.on("message", (data) => this.#take(JSON.parse(data)));
    await this.send("session.new", { capabilities: {} });
    await this.send("session.subscribe", { events: ["log.entryAdded"] });
    const { contexts } = await this.send("browsingContext.getTree", {});
    this.context = contexts[0].context;
    await this.send("browsingContext.setViewport", { context: this.context, viewport: { width: 1280, height: 900 } });
  }

  #take(message) {
    if (message.method === "log.entryAdded" && message.params.level === "error") failures.push(`Firefox's console: ${message.params.text}`);
    const waiting = this.#waiting.get(message.id);
    if (!waiting) return;
    this.#waiting.delete(message.id);
    if (message.type === "error") waiting.reject(new Error(`${message.error}: ${message.message}`));
    else waiting.resolve(message.result);
  }

  send(method, params) {
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      setTimeout(() => reject(new Error(`${method}: no answer`)), PATIENCE).unref();
      this.#socket.send(JSON.stringify({ id, method, params }));
    });
  }

  /** The value of an expression in the page, as JSON carries it. */
  async value(expression) {
    const { result, exceptionDetails } = await this.send("script.evaluate", { expression: `(async () => JSON.stringify(await (${expression})))()`, target: { context: this.context }, awaitPromise: true });
    if (exceptionDetails) throw new Error(`${expression}: ${exceptionDetails.text}`);
    return result.value === undefined ? undefined : JSON.parse(result.value);
  }

  /** Waits until an expression holds. */
  async until(expression) {
    const end = Date.now() + PATIENCE;
    while (!(await this.value(expression))) {
      if (Date.now() > end) throw new Error(`waited in vain for ${expression}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** Moves the pointer to a share of an element's box, and presses unless `hover`. */
  async point(selector, x, y, hover = false) {
    const box = await this.value(`(() => { const b = document.querySelector(${JSON.stringify(selector)}).getBoundingClientRect(); return [b.left, b.top, b.width, b.height]; })()`);
    const press = hover ? [] : [{ type: "pointerDown", button: 0 }, { type: "pointerUp", button: 0 }];
    const actions = [{ type: "pointerMove", x: Math.round(box[0] + x * box[2]), y: Math.round(box[1] + y * box[3]) }, ...press];
    await this.send("input.performActions", { context: this.context, actions: [{ type: "pointer", id: "mouse", actions }] });
  }

  async shot(name) {
    const { data } = await this.send("browsingContext.captureScreenshot", { context: this.context });
    await writeFile(join(out, `${name}.png`), Buffer.from(data, "base64"));
  }

  async close() {
    this.#socket?.close();
    this.#process?.kill();
    await new Promise((resolve) => (this.#process ? this.#process.on("exit", resolve) : resolve()));
    await rm(this.#profile, { recursive: true, force: true, maxRetries: 5 });
  }
}

const served = await serve(dist);
const firefox = new Firefox();
const words = (id) => firefox.value(`document.getElementById(${JSON.stringify(id)}).textContent`);
try {
  await firefox.launch();
  const begin = performance.now();
  await firefox.send("browsingContext.navigate", { context: firefox.context, url: served.origin, wait: "none" });
  await firefox.until('document.body?.dataset.state === "done"');
  console.error(`Firefox: loaded and segmented after ${(performance.now() - begin).toFixed(0)} ms`);
  expect("the first sample has segments", /^\d+ segments, nothing picked$/.test(await words("picture-words")), await words("picture-words"));
  await firefox.point("#picture", 0.55, 0.3, true);
  await firefox.until('document.getElementById("overlay").dataset.lit');
  await firefox.point("#picture", 0.55, 0.3);
  await firefox.until('document.getElementById("picture-words").textContent.includes("picked ")');
  expect("a click picks", /picked \d/.test(await words("picture-words")), await words("picture-words"));
  await firefox.shot("firefox");
  const share = async () => Number(/picked ([\d.]+) %/.exec(await words("picture-words"))?.[1] ?? 0);
  const press = (id) => firefox.value(`document.getElementById("${id}").click()`);
  const slide = (id, value) => firefox.value(`(() => { const range = document.getElementById("${id}"); range.value = ${value}; range.dispatchEvent(new Event("input", { bubbles: true })); })()`);
  const one = await share();
  await firefox.point("#picture", 0.1, 0.12);
  await firefox.until(`!document.getElementById("picture-words").textContent.includes("picked ${one.toFixed(1)} ")`);
  const two = await share();
  expect("another click picks one more", two > one, [one, two]);
  await press("undo");
  expect("undo takes it back", (await share()) === one, await share());
  await press("redo");
  expect("redo brings it again", (await share()) === two, await share());
  await slide("k", 25);
  await firefox.until('document.getElementById("picture-words").textContent.startsWith("25 segments")');
  expect("the slider leaves what was picked", (await share()) === two, await words("picture-words"));
  await press("clear-picked");
  expect("nothing picked, nothing to save", await firefox.value('document.getElementById("save").disabled'), await words("save-hint"));
  await press("compare");
  await firefox.until('/overlap by [\\d.]+ /.test(document.getElementById("compare-words").textContent)');
  expect("the two halves are compared", true, await words("compare-words"));
  await press("compare");
  await firefox.value('document.querySelector("[data-sample=\\"chelsea.jpg\\"]").click()');
  await firefox.until('document.body.dataset.state === "done" && document.getElementById("picture").getAttribute("aria-label").startsWith("chelsea.jpg in")');
  expect("another sample is segmented", true);
  await firefox.value('document.getElementById("tab-story").click()');
  await firefox.until('document.getElementById("story").dataset.ready && document.querySelector("#story-turning path") !== null');
  await readStory({ firefox, words, slide });
  await firefox.value('document.getElementById("tab-gap").click()');
  await firefox.until('document.querySelector("#gap-plot path") !== null');
  await slide("gap-range", 130);
  await firefox.until('document.getElementById("gap-words").dataset.step === "130"');
  const errors = await firefox.value('["gap-through-error", "gap-differences-error"].map((id) => Number(document.getElementById(id).dataset.error))');
  expect("a gap of 1e-13: one explodes, the other stays", errors[0] > 1e-5 && errors[1] < 1e-13, errors);
} catch (error) {
  failures.push(error.stack ?? String(error));
} finally {
  await firefox.close();
  served.close();
}

/** The story's steps answer. */
async function readStory({ firefox, words, slide }) {
  expect("the story cuts", (await words("story-cut-words")).includes("cost"), await words("story-cut-words"));
  const numbers = () => firefox.value('[...document.querySelectorAll("#story-feature .number")].map((number) => number.textContent).join(" ")');
  const before = await numbers();
  await firefox.point("#story-paint", 0.9, 0.1);
  expect("another cell has other numbers", (await numbers()) !== before, await numbers());
  await slide("story-vector", 1);
  expect("the first eigenvalue is 1", (await words("story-vector-words")) === "1, eigenvalue 1.000", await words("story-vector-words"));
  await slide("story-gap", 40);
  await firefox.until('document.getElementById("story-turning").dataset.gap === "0.01"');
  expect("the eigenvector turns fast at a gap of 0.01", /turns by 57\d\d°/.test(await words("story-steepness")), await words("story-steepness"));
  await slide("story-t", 40);
  await firefox.until('document.getElementById("story-shadow").dataset.t === "0.04"');
  const cells = await firefox.value('document.querySelectorAll("#story-shadow td").length');
  expect("vector and projector show their numbers", cells === 12, cells);
}

for (const failure of failures) console.error(`FAILED ${failure}`);
console.error(failures.length === 0 ? "the page in Firefox: all well" : `the page in Firefox: ${failures.length} failures`);
process.exit(failures.length === 0 ? 0 : 1);
