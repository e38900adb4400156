// What our decoder does not read and this browser may: GIF, AVIF, BMP, on some machines HEIC and JPEG XL; and pictures of
// some fifty megapixels and more, which would take more memory than the module gives back.

/** Pixels that a picture keeps at most, as in session.rs. */
const MOST_PIXELS = 12e6;

/** First bytes of the formats that our own code reads, as on the command line: at an offset, these. */
const OWN = [
  [0, [0xff, 0xd8, 0xff]],
  [0, [0x89, 0x50, 0x4e, 0x47]],
  [8, [0x57, 0x45, 0x42, 0x50]],
];

/** The picture as PNG by the browser's decoder; null for our own formats and for what the browser does not read either. */
export async function asPng(bytes) {
  const begin = new Uint8Array(bytes, 0, Math.min(bytes.byteLength, 12));
  const own = OWN.some(([offset, wanted]) => wanted.every((value, at) => begin[offset + at] === value));
  if (own || bytes.byteLength === 0) return null;
  return (await decoded(bytes, Infinity))?.png ?? null;
}

/** A picture that is too large, smaller: { png, from: [width, height], to }; null where the browser does not read it. */
export const smaller = (bytes) => decoded(bytes, MOST_PIXELS);

async function decoded(bytes, most) {
  try {
    const bitmap = await createImageBitmap(new Blob([bytes]));
    const from = [bitmap.width, bitmap.height];
    const scale = Math.min(1, Math.sqrt(most / (from[0] * from[1])));
    const to = from.map((side) => Math.max(1, Math.floor(side * scale)));
    const canvas = new OffscreenCanvas(...to);
    const pen = canvas.getContext("2d");
    pen.imageSmoothingQuality = "high";
    pen.drawImage(bitmap, 0, 0, ...to);
    bitmap.close();
    const png = await (await canvas.convertToBlob({ type: "image/png" })).arrayBuffer();
    return { png, from, to };
  } catch {
    return null;
  }
}
