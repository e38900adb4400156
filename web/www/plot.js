// Line plots as SVG: axes, lines, one marked place.

const SVG = "http://www.w3.org/2000/svg";

export function element(name, attributes, text) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

const LEFT = 52;
const RIGHT = 12;
const TOP = 12;
const BOTTOM = 34;

/**
 * Draws lines into `svg`: each { name, kind, points: [[x, y]…] }, numbers that are not finite leaving a hole.
 * `x` and `y` are { from, to, ticks: [[at, words]…], title }.
 */
export function plot(svg, { x, y, lines, mark }) {
  const [, , width, height] = svg.getAttribute("viewBox").split(" ").map(Number);
  const across = (value) => LEFT + ((value - x.from) / (x.to - x.from || 1)) * (width - LEFT - RIGHT);
  const up = (value) => height - BOTTOM - ((value - y.from) / (y.to - y.from || 1)) * (height - TOP - BOTTOM);
  const parts = [];
  for (const [at, words] of y.ticks) {
    parts.push(element("line", { class: "grid", x1: LEFT, x2: width - RIGHT, y1: up(at), y2: up(at) }));
    parts.push(element("text", { class: "tick", x: LEFT - 6, y: up(at) + 4, "text-anchor": "end" }, words));
  }
  for (const [at, words] of x.ticks) {
    parts.push(element("line", { class: "grid", y1: TOP, y2: height - BOTTOM, x1: across(at), x2: across(at) }));
    parts.push(element("text", { class: "tick", x: across(at), y: height - BOTTOM + 15, "text-anchor": "middle" }, words));
  }
  parts.push(element("text", { class: "title", x: (LEFT + width - RIGHT) / 2, y: height - 3, "text-anchor": "middle" }, x.title));
  for (const [index, { name, kind, points }] of lines.entries()) {
    let path = "";
    let drawing = false;
    for (const [px, py] of points) {
      if (!Number.isFinite(py)) {
        drawing = false;
        continue;
      }
      const inside = Math.min(Math.max(py, y.from), y.to);
      path += `${drawing ? "L" : "M"}${across(px).toFixed(1)} ${up(inside).toFixed(1)}`;
      drawing = true;
    }
    parts.push(element("path", { class: `line ${kind}`, d: path }));
    parts.push(element("text", { class: `name ${kind}`, x: width - RIGHT - 4, y: TOP + 14 + 16 * index, "text-anchor": "end" }, name));
  }
  if (mark !== undefined) {
    parts.push(element("line", { class: "mark", x1: across(mark), x2: across(mark), y1: TOP, y2: height - BOTTOM }));
  }
  svg.replaceChildren(...parts);
}

/** Three to six round ticks from `from` to `to`. */
export function ticks(from, to) {
  const rough = (to - from) / 4 || 1;
  const ten = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((m) => m * ten).find((s) => s >= rough);
  const found = [];
  for (let at = Math.ceil(from / step) * step; at <= to + 1e-9 * step; at += step) {
    found.push([at, `${Number(at.toPrecision(6))}`]);
  }
  return found;
}
