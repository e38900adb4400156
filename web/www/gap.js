// Exhibit 2: two eigenvalues meet, and one of two gradients does not mind.

import { byId, clamp, power, raised } from "./dom.js";
import { drawInto, element, plot } from "./plot.js";
import { latest } from "./session-worker.js";

/** Decades of the gap below 1, in tenths; the slider's last step is a gap of nothing. */
const STEPS = 165;
/** Where the axis begins, the closed gap lies and the axis ends, in shares of the width; and its height, in pixels. */
const AXIS = { left: 40 / 640, closed: 440 / 640, right: 600 / 640, y: 44, height: 96 };

const gapAt = (step) => (step >= STEPS ? 0 : Math.min(10 ** (-step / 10), 0.9));

export function setUpGap(session) {
  const range = byId("gap-range");
  let curve = null;
  let dragging = false;

  const show = latest(async (step) => {
    const found = await session.call("closingGap", gapAt(step));
    byId("gap-words").value = step >= STEPS ? "none" : power(found.gap);
    byId("gap-words").dataset.step = step;
    digits(byId("gap-through"), found.through, found.truth);
    digits(byId("gap-differences"), found.differences, found.truth);
    byId("gap-truth").textContent = found.truth.toPrecision(16);
    showError(byId("gap-through-error"), found.throughError);
    showError(byId("gap-differences-error"), found.differencesError);
    byId("gap-factor").textContent = Number.isFinite(found.factor) ? power(found.factor) : "1 / 0";
    drawAxis(step);
    curve ??= await measureCurve(session);
    drawCurve(curve, step);
  });
  range.addEventListener("input", () => show(Number(range.value)));

  // The eigenvalue on the line can be dragged too.
  const axis = byId("axis");
  const follow = (event) => {
    const box = axis.getBoundingClientRect();
    const x = (event.clientX - box.left) / box.width;
    range.value = clamp(Math.round(((x - AXIS.left) / (AXIS.closed - AXIS.left)) * STEPS), 0, STEPS);
    show(Number(range.value));
  };
  axis.addEventListener("pointerdown", (event) => {
    dragging = true;
    axis.setPointerCapture(event.pointerId);
    follow(event);
  });
  axis.addEventListener("pointermove", (event) => dragging && follow(event));
  axis.addEventListener("pointerup", () => (dragging = false));
  axis.addEventListener("pointercancel", () => (dragging = false));
  return () => show(Number(range.value));
}

/** Where λ₃ is drawn, a share of the width: the gap by its decades, so that the last ones can be seen. */
const handle = (step) => AXIS.left + (step / STEPS) * (AXIS.closed - AXIS.left);

function drawAxis(step) {
  drawInto(byId("axis"), AXIS.height, (width) => {
    const circle = (share, kind) => element("circle", { class: kind, cx: share * width, cy: AXIS.y, r: 11 });
    const name = (share, words, y) => element("text", { class: "name", x: share * width, y, "text-anchor": "middle" }, words);
    const apart = AXIS.right - 0.04;
    return [
      element("line", { class: "base", x1: AXIS.left * width, x2: AXIS.right * width, y1: AXIS.y, y2: AXIS.y }),
      circle(apart, "eigenvalue still"),
      name(apart, "λ₁ = 5", AXIS.y - 22),
      circle(AXIS.closed, "eigenvalue still"),
      name(AXIS.closed, "λ₂ = 2", AXIS.y - 22),
      circle(handle(step), "eigenvalue held"),
      name(clamp(handle(step), 0.12, 1), step >= STEPS ? "λ₃ = 2" : "λ₃ = 2 − g", AXIS.y + 34),
    ];
  });
}

async function measureCurve(session) {
  const points = [];
  for (let step = 1; step < STEPS; step += 2) points.push({ step, ...(await session.call("closingGap", gapAt(step))) });
  return points;
}

function drawCurve(curve, step) {
  const floor = 1e-17;
  const line = (key) => curve.map((found) => [-found.step / 10, Math.log10(Math.max(found[key], floor))]);
  const decades = (from, to, every) => {
    const found = [];
    for (let at = from; at <= to; at += every) found.push([at, at === 0 ? "1" : raised(at)]);
    return found;
  };
  plot(byId("gap-plot"), {
    x: { from: 0, to: -STEPS / 10, ticks: decades(-16, 0, 4), title: "gap g" },
    y: { from: -17, to: 2, ticks: decades(-16, 0, 4), title: "" },
    lines: [
      { name: "through eigenvectors", kind: "bad", points: line("throughError") },
      { name: "divided differences", kind: "good", points: line("differencesError") },
    ],
    mark: -step / 10,
    plotted: 220,
  });
}

/** So many units in the last place are rounding. */
const ROUNDING = 4 * Number.EPSILON;

/** A number, the digits marked that are wrong beyond rounding. */
function digits(cell, value, truth) {
  if (!Number.isFinite(value)) {
    cell.textContent = "none: the gap is below rounding";
    return;
  }
  const [found, right] = [value.toPrecision(16), truth.toPrecision(16)];
  let same = Math.abs(value - truth) <= ROUNDING * Math.abs(truth) ? found.length : 0;
  while (same < found.length && found[same] === right[same]) same += 1;
  const mark = document.createElement("mark");
  mark.textContent = found.slice(same);
  cell.replaceChildren(found.slice(0, same), ...(same < found.length ? [mark] : []));
}

function showError(cell, error) {
  cell.textContent = Number.isFinite(error) ? power(error) : "–";
  cell.dataset.error = error;
}
