// The service worker over versions of the page: a new one, one that was taken back, and each without a network.

import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { serve } from "./harness.mjs";

export async function checkVersions({ context, dist, expect }) {
  const folder = await mkdtemp(join(tmpdir(), "versions-"));
  await cp(dist, folder, { recursive: true });
  const served = await serve(folder);
  const page = await context.newPage();
  page.setDefaultTimeout(120000);
  try {
    await page.goto(served.origin);
    await visit(page);
    const [first] = await stores(page);
    expect("the files of a page are kept in one store", (await stores(page)).length === 1, await stores(page));

    const before = { page: await readFile(join(folder, "index.html"), "utf8"), list: await readFile(join(folder, "files.json"), "utf8") };
    const { digest, files } = JSON.parse(before.list);
    const next = [...digest].reverse().join("");
    await writeFile(join(folder, "index.html"), before.page.replace("<title>", "<title>Next: "));
    await writeFile(join(folder, "files.json"), JSON.stringify({ digest: next, files }));
    await expectVersion({ page, served, expect }, "a new version", `page-${next}`, true);

    await writeFile(join(folder, "index.html"), before.page);
    await writeFile(join(folder, "files.json"), before.list);
    await expectVersion({ page, served, expect }, "a version that was taken back to", first, false);
  } finally {
    await page.close();
    served.close();
    await rm(folder, { recursive: true, force: true });
  }
}

/** The page is opened, and its files are kept. */
async function visit(page) {
  await page.waitForFunction(() => document.body?.dataset.state === "done" && document.body.dataset.offline === "ready" && navigator.serviceWorker.controller);
}

const stores = (page) => page.evaluate(async () => (await caches.keys()).filter((name) => name.startsWith("page-")));

/** At the next opening the version is there and alone in the store; it opens without a network. */
async function expectVersion({ page, served, expect }, name, store, isNext) {
  const isShown = async () => (await page.title()).startsWith("Next: ") === isNext;
  await page.reload();
  expect(`${name} is shown at the next opening`, await isShown(), await page.title());
  await visit(page);
  const end = performance.now() + 60000;
  while (`${await stores(page)}` !== store && performance.now() < end) await page.waitForTimeout(100);
  expect(`${name} takes the place of the one before`, `${await stores(page)}` === store, await stores(page));
  served.down = true;
  await page.reload();
  await page.waitForFunction(() => document.body?.dataset.state === "done");
  expect(`${name} opens without a network`, await isShown(), await page.title());
  served.down = false;
}
