// What the network sees on the way: times, the likeness of places, eigenvectors.

import { byId, clamp, draw, power, seconds } from "./dom.js";
import { Superseded, latest } from "./session-worker.js";

/** Eigenvectors that are shown. */
const VECTORS = 6;
/** ε of the soft projector that the network was trained with. */
const RIDGE = 1e-4;
const STAGES = ["features", "likeness", "eigenvectors", "segments"];

const cell = (stage) => byId(`stage-${stage}`);

export function showTime(stage, ms) {
  cell(stage).querySelector(".time").textContent = seconds(ms);
}

/** How far a stage is. */
export function showShare(stage, share) {
  cell(stage).querySelector(".time").textContent = share;
}

/** Empties all stages: of the first one there is news next. */
export function clearStages() {
  for (const stage of STAGES) cell(stage).querySelector(".time").textContent = "";
  byId("heat").width = byId("heat").height = 1;
  byId("heat-words").textContent = "";
  byId("vectors").replaceChildren();
}

/** Draws how alike the place under the mark is to all others, of `picture`, as long as it is the one that `current` names. */
export function likenessOf(session, current, fail) {
  return latest(async ({ x, y }) => {
    const picture = current();
    if (!picture?.head || !picture.columns) return;
    const at = (pixel, places, pixels) => clamp(Math.floor((pixel / pixels) * places), 0, places - 1);
    const [column, row] = [at(x, picture.columns, picture.width), at(y, picture.rows, picture.height)];
    const heat = byId("heat");
    if (heat.dataset.position === `${picture.scene},${picture.head},${column},${row}`) return;
    try {
      const found = await session.about(picture.scene, "likeness", picture.head, column, row);
      draw(heat, found);
      heat.dataset.position = `${picture.scene},${picture.head},${column},${row}`;
      const pen = heat.getContext("2d");
      pen.strokeStyle = "#fff";
      pen.lineWidth = 0.6;
      pen.strokeRect(column - 0.5, row - 0.5, 2, 2);
      byId("heat-words").textContent = `Cosine from ${found.least.toFixed(4)}, dark, to 1, bright.`;
      showTime("likeness", found.ms);
    } catch (error) {
      if (!(error instanceof Superseded)) fail(error.message);
    }
  });
}

/** The leading eigenvectors after the first, which is even, as the places swing with them. */
export async function drawVectors(session, scene, head, eigenvalues) {
  const made = [];
  for (let index = 1; index <= Math.min(VECTORS, eigenvalues.length - 1); index += 1) {
    const found = await session.about(scene, "eigenvector", head, index);
    const small = document.createElement("canvas");
    small.setAttribute("role", "img");
    small.setAttribute("aria-label", `How places swing with eigenvector ${index + 1}, eigenvalue ${power(eigenvalues[index])}`);
    draw(small, found);
    const figure = document.createElement("figure");
    const words = document.createElement("figcaption");
    const counts = Math.round((100 * eigenvalues[index]) / (eigenvalues[index] + RIDGE));
    words.append(`λ${"₁₂₃₄₅₆₇₈₉"[index]} = ${power(eigenvalues[index])}`, document.createElement("br"), `counts ${counts} %`);
    figure.append(small, words);
    made.push(figure);
  }
  byId("vectors").replaceChildren(...made);
}
