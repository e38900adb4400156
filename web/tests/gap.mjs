// Two eigenvalues meet.

export async function checkGap({ page, expect, shot, slide }) {
  await page.click("#tab-gap");
  await page.waitForFunction(() => document.querySelector("#gap-plot path"));
  const errors = async (step) => {
    await slide("#gap-range", step);
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
  expect("λ₃ is dragged along its line", dragged > 5 && dragged < 40, dragged);
  await errors(130);
  await drawnWhole(page, expect);
  await shot("gap");
  await page.focus("#tab-gap");
  await page.keyboard.press("ArrowRight");
  expect("arrow keys move between exhibits", (await page.getAttribute("#tab-train", "aria-selected")) === "true");
}

/** Words as large as the page's on a phone, and none over the data. */
async function drawnWhole(page, expect) {
  for (const width of [360, 1280]) {
    await page.setViewportSize({ width, height: 900 });
    await page.waitForFunction(() => document.querySelector("#gap-plot").viewBox.baseVal.width === document.querySelector("#gap-plot").clientWidth);
    const { least, over } = await page.$eval("#gap-plot", (svg) => {
      const boxes = (selector) => [...svg.querySelectorAll(selector)].map((part) => part.getBoundingClientRect());
      const top = Math.min(...boxes(".grid").map((box) => box.top));
      return { least: Math.min(...boxes("text").map((box) => box.height)), over: boxes(".name").filter((box) => box.bottom > top).length };
    });
    expect(`at ${width} pixels words of the plot are large enough and lie beside the data`, least >= 13 && over === 0, [least, over]);
  }
}
