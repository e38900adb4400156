// The page in headless Chromium, through all exhibits; called by `cargo xtask web --test`.
//
//   node page.mjs DIST NATIVE OUT MODULES CHROMIUM
//
// DIST is served on 127.0.0.1. NATIVE holds the command line's answers. Screenshots go to OUT. MODULES holds npm's
// packages. Anything that the
// browser's console calls an error, a request to another host, and a failed expectation end with exit code 1.

import { join } from "node:path";
import { pathToFileURL } from "node:url";

import { checkAccess } from "./access.mjs";
import { checkFiles } from "./files.mjs";
import { checkGap } from "./gap.mjs";
import { launch, serve, tools } from "./harness.mjs";
import { checkMemory } from "./memory.mjs";
import { checkOpening } from "./opening.mjs";
import { checkPicking } from "./picking.mjs";
import { checkScribble } from "./scribble.mjs";
import { checkSegments } from "./segments.mjs";
import { checkStory } from "./story.mjs";
import { checkVersions } from "./versions.mjs";

const [dist, native, out, modules, chromium] = process.argv.slice(2);
const { chromium: driver } = (await import(pathToFileURL(join(modules, "playwright-core/index.js")))).default;

const failures = [];
const served = await serve(dist);
const browser = await launch(driver, chromium, served.origin, failures);
const all = { ...tools({ page: browser.page, out, failures }), ...browser, served, dist, native, modules, failures };

try {
  for (const check of [checkOpening, checkSegments, checkPicking, checkFiles, checkStory, checkGap, checkScribble, checkAccess, checkMemory, checkVersions, checkElsewhere]) await check(all);
} catch (error) {
  failures.push(error.stack ?? String(error));
  await all.shot("failure").catch(() => {});
} finally {
  await browser.close();
  served.close();
}
for (const failure of failures) console.error(`FAILED ${failure}`);
console.error(failures.length === 0 ? "the page: all well" : `the page: ${failures.length} failures`);
process.exit(failures.length === 0 ? 0 : 1);

/** A phone in the dark, the way back, no network, and a policy that holds. */
async function checkElsewhere({ context, page, expect, shot, served, failures, text, state, sample }) {
  await page.setViewportSize({ width: 360, height: 800 });
  const tabs = await page.$$eval("[role=tab]", (all) => all.map((tab) => [tab.getBoundingClientRect().top, tab.getBoundingClientRect().right]));
  expect("on a phone the tabs are one row", tabs.every(([top, right]) => top === tabs[0][0] && right <= 360), tabs);
  await page.setViewportSize({ width: 390, height: 800 });
  await page.emulateMedia({ colorScheme: "dark" });
  await sample("chelsea.jpg");
  const overflow = async () => page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  for (const name of ["segment", "story", "gap", "train"]) {
    await page.click(`#tab-${name}`);
    await page.waitForTimeout(200);
    expect(`${name} fits a phone`, (await overflow()) <= 0, await overflow());
    await shot(`phone-${name}`);
  }
  await page.setViewportSize({ width: 1280, height: 900 });
  await page.emulateMedia({ colorScheme: "light" });

  await page.goBack();
  expect("Back returns to the tab before", (await page.getAttribute("#tab-gap", "aria-selected")) === "true", page.url());
  await page.goForward();

  // The browser keeps the network, and all else too.
  served.requests.length = 0;
  await page.reload();
  await state("done");
  expect("the network comes out of the browser's cache", !served.requests.some((path) => path.endsWith(".safetensors")), served.requests.length);
  await page.waitForFunction(() => document.body.dataset.offline === "ready" && navigator.serviceWorker.controller);
  await context.setOffline(true);
  served.close();
  await page.reload();
  await state("done");
  expect("the page opens without a network", /segments/.test(await text("#picture-words")), await text("#picture-words"));
  await context.setOffline(false);
  // Chromium reports what the network did not answer.
  for (let at = failures.length - 1; at >= 0; at -= 1) {
    if (/^console: Failed to load resource: net::ERR_(INTERNET_DISCONNECTED|CONNECTION_REFUSED)/.test(failures[at])) failures.splice(at, 1);
  }

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
}
