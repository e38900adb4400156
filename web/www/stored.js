// The first picture at once: its pieces were found when the page was made, by the same module that the worker loads.

/** The photograph of a sample, and its pieces, or null where none are stored for it. */
export async function firstResult(sample) {
  try {
    const response = await fetch("first.json");
    if (!response.ok) return null;
    const { name, width, height, count, chosen, merges, runs } = await response.json();
    if (name !== sample) return null;
    const photograph = await decoded(`samples/${name}`, width, height);
    return { photograph, pieces: { count, chosen, merges: Uint32Array.from(merges), ids: unrolled(runs, width * height) } };
  } catch {
    // The worker will find it: nothing is lost but a second.
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
  if (at !== pixels) throw new Error(`first.json: expected runs of ${pixels} pixels, found ${at}`);
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
