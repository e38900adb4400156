// A head learns from strokes.

export async function checkScribble({ page, expect, shot, text }) {
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
}
