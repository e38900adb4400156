// What lies over the photograph: the piece under the pointer outlined, what was not picked dimmed, borders, the keyboard's mark.

/** Red, green, blue, opacity as one number of a canvas's pixels. */
const packed = (r, g, b, a) => ((a << 24) | (b << 16) | (g << 8) | r) >>> 0;
const LIT = packed(255, 255, 255, 40);
const LIT_TO_GO = packed(226, 78, 66, 70);
const DIMMED = packed(10, 12, 22, 150);
const DIMMED_LIT = packed(10, 12, 22, 60);
const CHOSEN_EDGE = packed(255, 214, 64, 255);
const LIT_EDGE = packed(120, 225, 255, 255);
const BORDER = packed(255, 250, 225, 255);
/** How much shows in a cut-out of what was not picked; the second before anything was. */
const FAINT = 20;
const FAINT_AT_FIRST = 120;

/**
 * Paints over a photograph of `tree`.
 *
 * `hovered`: the lit region, or null. `chosen`: 1 for each piece that is picked. `going`: whether a click would take away.
 * `dim`: whether what is not picked is dark. `merges`: draws the borders of that cut, or null. `mark`: a place, or null.
 */
export function paintOverlay(canvas, { tree, hovered, chosen, going, dim, merges, mark }) {
  const { width, height, count, ids } = tree;
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  const some = chosen.includes(1);
  const lit = new Uint8Array(count + 1);
  if (hovered !== null) for (const piece of tree.pieces(hovered)) lit[piece] = 1;

  const colours = new Uint32Array(count + 1);
  for (let piece = 0; piece < count; piece += 1) {
    const dimmed = dim && some && !chosen[piece];
    // What is picked keeps its own colours under the pointer, unless a click would take it away.
    if (lit[piece]) colours[piece] = chosen[piece] ? (going ? LIT_TO_GO : 0) : dimmed ? DIMMED_LIT : LIT;
    else if (dimmed) colours[piece] = DIMMED;
  }
  const pen = canvas.getContext("2d");
  const image = pen.createImageData(width, height);
  const pixels = new Uint32Array(image.data.buffer);
  for (let at = 0; at < pixels.length; at += 1) pixels[at] = colours[ids[at]];
  if (merges !== null) edges(pixels, tree, [...tree.segments(merges), -1], BORDER);
  if (some) edges(pixels, tree, Uint8Array.from(lit, (_, piece) => chosen[piece] ?? 0), CHOSEN_EDGE);
  if (hovered !== null) edges(pixels, tree, lit, LIT_EDGE);
  pen.putImageData(image, 0, 0);
  if (mark) drawMark(pen, mark);
}

/** Colours the pixels on both sides of where `sides` of the pieces differ. */
function edges(pixels, { width, ids }, sides, colour) {
  for (let at = 0; at < ids.length; at += 1) {
    const [own, right, below] = [ids[at], at + 1, at + width];
    if (right % width !== 0 && ids[right] !== own && sides[ids[right]] !== sides[own]) pixels[at] = pixels[right] = colour;
    if (below < ids.length && ids[below] !== own && sides[ids[below]] !== sides[own]) pixels[at] = pixels[below] = colour;
  }
}

function drawMark(pen, { x, y }) {
  for (const [style, wide] of [["#101020", 5], ["#ffffff", 2]]) {
    pen.strokeStyle = style;
    pen.lineWidth = wide;
    pen.beginPath();
    for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
      pen.moveTo(x + 0.5 + 4 * dx, y + 0.5 + 4 * dy);
      pen.lineTo(x + 0.5 + 13 * dx, y + 0.5 + 13 * dy);
    }
    pen.stroke();
  }
}

/** The photograph with what is not picked faint, for a checkerboard to show through. */
export function faint({ width, height, data }, tree, chosen) {
  const made = new Uint8ClampedArray(data);
  const opacity = chosen.includes(1) ? FAINT : FAINT_AT_FIRST;
  for (let at = 0; at < tree.ids.length; at += 1) {
    if (!chosen[tree.ids[at]] && made[4 * at + 3] > 0) made[4 * at + 3] = opacity;
  }
  return { width, height, data: made };
}
