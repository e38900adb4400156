// What a visitor sees first: a stored result, then the network's own.

export async function checkOpening(all) {
  const { page, served, expect, state, sum, text, shot, saved } = all;
  const begin = performance.now();
  // The network waits until what is stored was seen.
  let release = () => {};
  const held = new Promise((resolve) => (release = resolve));
  await page.route("**/*.safetensors", async (route) => {
    await held;
    await route.continue();
  });
  await page.goto(served.origin);
  await page.waitForFunction(() => document.body.dataset.state === "stored");
  console.error(`a result after ${(performance.now() - begin).toFixed(0)} ms, before the network`);
  expect("the title", (await page.title()).startsWith("matbackprop"));
  expect("the stored result has segments", /^\d+ segments, nothing picked$/.test(await text("#picture-words")), await text("#picture-words"));
  await page.hover("#picture", { position: { x: 300, y: 200 } });
  const lit = () => page.$eval("#overlay", (canvas) => canvas.dataset.lit);
  await page.waitForFunction(() => document.getElementById("overlay").dataset.lit);
  const before = await sum("#overlay");
  await page.mouse.move(200, 400);
  await page.waitForTimeout(100);
  expect("parts light up before the network is there", (await sum("#overlay")) !== before, await lit());
  await page.click("#picture", { position: { x: 300, y: 200 } });
  const picked = await text("#picture-words");
  expect("and are picked", /picked \d/.test(picked), picked);
  expect("saving waits for the network, with a word", (await page.isDisabled("#save")) && /^In a moment/.test(await text("#save-hint")), await text("#save-hint"));
  await shot("first", false);
  const seen = await page.evaluate(() => document.getElementById("save").getBoundingClientRect().bottom);
  expect("at 1280 × 900 all controls are seen", seen <= 900, seen);

  release();
  await state("done");
  console.error(`loaded and segmented after ${(performance.now() - begin).toFixed(0)} ms`);
  expect("what was picked of the stored pieces stays", (await text("#picture-words")) === picked, await text("#picture-words"));
  await page.unroute("**/*.safetensors");
  await page.selectOption("#save-as", "labels");
  // For the check that a second worker changes nothing.
  all.alone = (await saved(() => page.click("#save"))).bytes;
  await page.selectOption("#save-as", "object");
  await page.click("#clear-picked");
}
