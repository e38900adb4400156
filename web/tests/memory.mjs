// The module's memory over a hundred pictures of many sizes: it never shrinks, so that its size is the most it had.

import { png } from "./harness.mjs";

const PICTURES = 100;
/** MiB that the page promises. */
const BOUND = 512;

export async function checkMemory({ page, expect, upload, held, state, served }) {
  // A visit of its own, whose memory begins anew.
  await page.goto("about:blank");
  await page.goto(served.origin);
  await state("done");
  const first = await held();
  const seen = [];
  for (let picture = 0; picture < PICTURES; picture += 1) {
    // Sides from 64 to 448 pixels, none like the one before.
    const [width, height] = [64 + ((picture * 193) % 385), 64 + ((picture * 359) % 385)];
    await upload(`${width}x${height}.png`, "image/png", png(width, height), "done");
    if ((picture + 1) % 25 === 0) seen.push(await held());
  }
  console.error(`memory: ${first} MiB after the first picture, after each 25 of ${PICTURES} more: ${seen.join(", ")} MiB`);
  expect(`at most ${BOUND} MiB after ${PICTURES} pictures of many sizes`, seen.at(-1) <= BOUND, seen);
  expect("the second fifty cost nothing more", seen[3] - seen[1] <= 32, seen);
}
