// Formats that our decoder does not read and this browser may: GIF, AVIF, BMP, on some machines HEIC and JPEG XL.

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
  try {
    const bitmap = await createImageBitmap(new Blob([bytes]));
    const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
    canvas.getContext("2d").drawImage(bitmap, 0, 0);
    bitmap.close();
    return await (await canvas.convertToBlob({ type: "image/png" })).arrayBuffer();
  } catch {
    return null;
  }
}
