// A picture of a few cells on a canvas: numbers as colours, a mark on one cell, pointer and keyboard.

import { arrow, clamp } from "./dom.js";

const SIDE = 40;

const between = (from, to, share) => from.map((value, c) => Math.round(value + share * (to[c] - value)));
const rgb = (colour) => `rgb(${colour.join(" ")})`;

/** Grey from 0, black, to 1. */
export const grey = (value) => rgb([0, 0, 0].map(() => Math.round(30 + 215 * value)));

/** From nothing, dark, to all, light. */
export const heat = (value) => rgb(value < 0.5 ? between([20, 14, 46], [200, 62, 76], 2 * value) : between([200, 62, 76], [252, 236, 170], 2 * value - 1));

/** From −1, blue, to 1, orange. */
export const signed = (value) => rgb(value < 0 ? between([246, 244, 238], [24, 92, 170], -value) : between([246, 244, 238], [200, 92, 24], value));

/** Draws `values` in rows of `width` by `colour`, and a frame around the cell `mark`. */
export function drawCells(canvas, width, values, colour, mark = null) {
  const height = values.length / width;
  if (canvas.width !== width * SIDE || canvas.height !== height * SIDE) Object.assign(canvas, { width: width * SIDE, height: height * SIDE });
  const pen = canvas.getContext("2d");
  // The frame of a mark covers the lines between cells.
  pen.clearRect(0, 0, canvas.width, canvas.height);
  for (const [cell, value] of values.entries()) {
    pen.fillStyle = colour(value);
    pen.fillRect((cell % width) * SIDE, Math.floor(cell / width) * SIDE, SIDE - 1, SIDE - 1);
  }
  if (mark === null) return;
  const [x, y] = [(mark % width) * SIDE, Math.floor(mark / width) * SIDE];
  for (const [style, inset] of [["#101020", 1], ["#ffd640", 4]]) {
    pen.strokeStyle = style;
    pen.lineWidth = 3;
    pen.strokeRect(x + inset, y + inset, SIDE - 1 - 2 * inset, SIDE - 1 - 2 * inset);
  }
}

/** Calls `at(cell, pressed)` for the cell that pointer or arrow keys come to, and for presses, Enter and space. */
export function followCells(canvas, width, height, at) {
  let mark = 0;
  let pressed = false;
  const move = (event, down) => {
    const box = canvas.getBoundingClientRect();
    const x = clamp(Math.floor(((event.clientX - box.left) / box.width) * width), 0, width - 1);
    const y = clamp(Math.floor(((event.clientY - box.top) / box.height) * height), 0, height - 1);
    mark = y * width + x;
    at(mark, down);
  };
  canvas.addEventListener("pointerdown", (event) => {
    pressed = true;
    canvas.setPointerCapture(event.pointerId);
    move(event, true);
  });
  canvas.addEventListener("pointermove", (event) => move(event, pressed));
  for (const name of ["pointerup", "pointercancel"]) canvas.addEventListener(name, () => (pressed = false));
  canvas.addEventListener("keydown", (event) => {
    const by = arrow(event.key, 1);
    if (by) {
      const x = clamp((mark % width) + by[0], 0, width - 1);
      const y = clamp(Math.floor(mark / width) + by[1], 0, height - 1);
      mark = y * width + x;
      at(mark, false);
    } else if (event.key === "Enter" || event.key === " ") {
      at(mark, true);
    } else {
      return;
    }
    event.preventDefault();
  });
}
