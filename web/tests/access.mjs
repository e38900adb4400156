// For people who do not see, point or tell colours apart: what axe-core finds, in every exhibit, by day and by night.

import { readFile } from "node:fs/promises";
import { join } from "node:path";

export async function checkAccess({ page, modules, expect }) {
  // Not by a script in the page, which its policy refuses.
  await page.evaluate(await readFile(join(modules, "axe-core/axe.min.js"), "utf8"));
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme });
    for (const name of ["segment", "story", "gap", "train"]) {
      await page.click(`#tab-${name}`);
      await page.waitForTimeout(300);
      const found = await page.evaluate(async () => {
        const { violations } = await window.axe.run(document, { resultTypes: ["violations"] });
        return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target).join(", ")}`);
      });
      expect(`${name} serves everyone, ${colorScheme}`, found.length === 0, found);
    }
  }
  await page.emulateMedia({ colorScheme: "light" });
  await page.click("#tab-segment");
  // At four times the size nothing lies beside the window.
  await page.setViewportSize({ width: 320, height: 225 });
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  expect("at 400 % the page is one column", overflow <= 0, overflow);
  await page.setViewportSize({ width: 1280, height: 900 });
}
