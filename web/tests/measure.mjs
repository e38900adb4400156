// The numbers of web/README.md: how long and how many bytes until a visitor sees something, on a fast line and a slow one.
//
//   node measure.mjs DIST MODULES CHROMIUM
//
// Files are sent gzipped, as static hosts do. The slow line is "Slow 3G" of Chromium's own tools: 400 kbit/s, 400 ms.

import { join } from "node:path";
import { pathToFileURL } from "node:url";

import { launch, serve } from "./harness.mjs";

const [dist, modules, chromium] = process.argv.slice(2);
const { chromium: driver } = (await import(pathToFileURL(join(modules, "playwright-core/index.js")))).default;
const SLOW = { offline: false, latency: 400, downloadThroughput: 50000, uploadThroughput: 50000 };
const ROUNDS = 3;

for (const [line, conditions] of [["no limit", null], ["slow 3G", SLOW]]) {
  for (let round = 0; round < (conditions ? 1 : ROUNDS); round += 1) {
    const served = await serve(dist, true);
    const failures = [];
    const { context, page, close } = await launch(driver, chromium, served.origin, failures);
    page.setDefaultTimeout(600000);
    if (conditions) {
      const session = await context.newCDPSession(page);
      await session.send("Network.enable");
      await session.send("Network.emulateNetworkConditions", conditions);
    }
    const bytes = (until) => served.sent.slice(0, until).reduce((sum, [, length]) => sum + length, 0);
    const begin = performance.now();
    const since = () => `${((performance.now() - begin) / 1000).toFixed(2)} s`;
    await page.goto(served.origin, { waitUntil: "commit" });
    await page.waitForFunction(() => ["stored", "working", "done"].includes(document.body?.dataset.state));
    const stored = [since(), bytes(served.sent.length)];
    await page.waitForFunction(() => document.body.dataset.state === "done");
    const own = since();
    const paint = await page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0]?.startTime);
    console.log(`${line}: first paint ${(paint / 1000).toFixed(2)} s, stored result ${stored[0]}, sent until then ${(stored[1] / 1e6).toFixed(2)} MB, the network's own ${own}, sent in all ${(bytes(served.sent.length) / 1e6).toFixed(2)} MB`);
    if (failures.length > 0) console.log(failures.join("\n"));
    await close();
    served.close();
  }
}
process.exit();
