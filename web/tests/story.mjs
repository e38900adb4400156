// The story: every step has something to move, and moving it changes what is seen.

export async function checkStory({ page, context, expect, text, sum, shot, slide }) {
  await page.click("#tab-story");
  const ready = (count) => page.waitForFunction((count) => Number(document.getElementById("story").dataset.ready) >= count, count);
  await ready(1);
  await page.waitForFunction(() => document.querySelector("#story-turning path"));
  await shot("story");

  const bars = () => page.$eval("#story-feature", (svg) => svg.innerHTML);
  const before = await bars();
  await page.hover("#story-paint", { position: { x: 350, y: 20 } });
  expect("another cell has another feature", (await bars()) !== before);
  const painted = await sum("#story-paint");
  await page.click("#story-paint", { position: { x: 350, y: 60 } });
  await byTouch({ page, context, expect, bars });
  await page.mouse.move(2, 2);
  await page.hover("#story-paint", { position: { x: 350, y: 20 } });
  expect("a press that reads paints nothing", (await sum("#story-paint")) === painted);
  const numbers = await page.$$eval("#story-feature .number", (all) => all.map((number) => number.textContent));
  expect("the eleven numbers are written", numbers.length === 11 && numbers.every((number) => /^[01]\.\d\d$/.test(number)), numbers);
  await page.check("input[name=ink][value='0.08']");
  await page.click("#story-paint", { position: { x: 350, y: 20 } });
  await ready(2);
  expect("painting changes the picture", (await sum("#story-paint")) !== painted);
  const alike = await sum("#story-likeness");
  await slide("#story-nearness", 100);
  await ready(3);
  expect("place counts for more", (await sum("#story-likeness")) !== alike, await text("#story-nearness-words"));
  await page.click("#story-reset");
  await slide("#story-nearness", 30);
  await page.waitForFunction(() => document.getElementById("story-nearness-words").value === "30 %");

  await slide("#story-vector", 1);
  const first = await text("#story-vector-words");
  expect("the first eigenvalue is 1", first === "1, eigenvalue 1.000", first);
  const colours = await page.$eval("#story-swing", (canvas) => {
    const pen = canvas.getContext("2d");
    const cells = Array.from({ length: 96 }, (_, cell) => pen.getImageData(40 * (cell % 12) + 20, 40 * Math.floor(cell / 12) + 20, 1, 1).data.join());
    return new Set(cells).size;
  });
  expect("in the first, all cells move as one", colours === 1, colours);
  const swing = async () => {
    const one = await sum("#story-swing");
    await page.waitForTimeout(300);
    return one !== (await sum("#story-swing"));
  };
  expect("an eigenvector swings", await swing());
  await page.emulateMedia({ reducedMotion: "reduce" });
  await page.waitForTimeout(100);
  expect("but not where less motion is wanted", !(await swing()));
  await page.emulateMedia({ reducedMotion: "no-preference" });

  const cost = async () => Number(/cost ([\d.]+)/.exec(await text("#story-cut-words"))[1]);
  const cheapest = await cost();
  for (const cells of [5, 30, 60, 90]) {
    await slide("#story-cut", cells);
    expect(`a border after ${cells} cells costs no less`, (await cost()) >= cheapest, [await cost(), cheapest]);
  }

  const steep = async (value) => {
    await slide("#story-gap", value);
    await page.waitForFunction((gap) => document.getElementById("story-turning").dataset.gap === gap, `${10 ** (-value / 20)}`);
    return /eigenvector turns by (\d+)°.*plane tilts by (\d+)°/.exec(await text("#story-steepness")).slice(1).map(Number);
  };
  const [wide, narrow] = [await steep(0), await steep(40)];
  expect("the eigenvector turns faster as the gap closes, the plane does not", narrow[0] > 10 * wide[0] && narrow[1] < 1.5 * wide[1] + 5, [wide, narrow]);

  const shadow = async (t) => {
    await slide("#story-t", t);
    await page.waitForFunction((t) => Number(document.getElementById("story-shadow").dataset.t) === t / 1000, t);
    return page.$$eval("#story-shadow td", (cells) => cells.map((cell) => Number(cell.textContent.replace("−", "-"))));
  };
  const [left, right] = [await shadow(-40), await shadow(40)];
  const moved = right.map((value, at) => Math.abs(value - left[at]));
  expect("numbers of the vector jump, those of the projector do not", Math.max(...moved.slice(0, 3)) > 1 && Math.max(...moved.slice(3)) < 0.05, moved);

  await page.waitForFunction(() => !document.getElementById("story-before-after").hidden);
  const overlap = async () => Number(/overlap ([\d.]+)/.exec(await text("#story-segments-words"))[1]);
  const [least, outlined] = [await overlap(), await sum("#story-learned")];
  expect("what training changed is shown where it is most", least < 0.5, await text("#story-segments-words"));
  await slide("#story-segments", 4);
  expect("other segments are other outlines", (await sum("#story-learned")) !== outlined && (await overlap()) > least, [await overlap(), least]);
  await slide("#story-split", 20);
  const clipped = await page.$eval("#story-untrained", (canvas) => canvas.style.clipPath);
  expect("the divider moves", /20%/.test(clipped), clipped);

  await page.click("#story-to-gap");
  expect("the story leads to the digits", await page.isVisible("#gap"));
  await page.click("#tab-story");
  await page.click("#story-to-compare");
  await page.waitForFunction(() => document.getElementById("picture").getAttribute("aria-label").startsWith("chelsea.jpg in") && /right untrained/.test(document.getElementById("compare-words").textContent));
  expect("and to both halves of the cat", (await page.isChecked("#compare")) && /sample=chelsea/.test(page.url()), page.url());
  await page.uncheck("#compare");
}

/** A finger reads, too. */
async function byTouch({ page, context, expect, bars }) {
  const session = await context.newCDPSession(page);
  const box = await (await page.$("#story-paint")).boundingBox();
  const before = await bars();
  await session.send("Input.dispatchTouchEvent", { type: "touchStart", touchPoints: [{ x: box.x + 60, y: box.y + 200 }] });
  await session.send("Input.dispatchTouchEvent", { type: "touchEnd", touchPoints: [] });
  expect("a tap reads another cell", (await bars()) !== before);
  await session.detach();
}
