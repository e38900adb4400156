// Pictures at once: their pieces were found when the page was made, by the same module that the worker loads.

import { PartTree } from "./part-tree.js";

/** The photograph of a sample, and its pieces, or null where none are stored for it. */
export async function firstResult(sample) {
  // Without it the worker will find the pieces: nothing is lost but a second.
  const found = await read("first.json", sample);
  if (!found) return null;
  const { photograph, ids, count, chosen, merges } = found;
  return { photograph, pieces: { count, chosen, ids, merges: Uint32Array.from(merges) } };
}

/** A sample whose pieces merge in two ways, by learned last layers and by untrained ones: two trees, or null. */
export async function beforeAndAfter() {
  const found = await read("before-after.json", null);
  if (!found) return null;
  const { photograph, ids, count } = found;
  const { width, height } = photograph;
  const tree = (merges) => new PartTree({ width, height, count, ids, merges: Uint32Array.from(merges) });
  return { photograph, learned: tree(found.trained), untrained: tree(found.untrained) };
}

/** A stored file with its photograph and the piece of every pixel; null where it is not to be had or of another `sample`. */
async function read(file, sample) {
  try {
    const response = await fetch(file);
    if (!response.ok) return null;
    const stored = await response.json();
    if (sample !== null && stored.name !== sample) return null;
    const { name, width, height, runs } = stored;
    const photograph = await decoded(`samples/${name}`, width, height);
    return { ...stored, photograph, ids: unrolled(runs, width * height) };
  } catch {
    return null;
  }
}

/** Pieces of pixels from lengths of runs: piece, length, piece, length, … */
function unrolled(runs, pixels) {
  const ids = new Uint16Array(pixels);
  let at = 0;
  for (let run = 0; run < runs.length; run += 2) {
    ids.fill(runs[run], at, at + runs[run + 1]);
    at += runs[run + 1];
  }
  if (at !== pixels) throw new Error(`expected runs of ${pixels} pixels, found ${at}`);
  return ids;
}

async function decoded(path, width, height) {
  const bitmap = await createImageBitmap(await (await fetch(path)).blob());
  const canvas = new OffscreenCanvas(width, height);
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  pen.drawImage(bitmap, 0, 0, width, height);
  const { data } = pen.getImageData(0, 0, width, height);
  return { width, height, data };
}
