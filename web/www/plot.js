// Drawings as SVG, in the page's own pixels, so that words are as large on a phone: axes, lines, one marked place.

const SVG = "http://www.w3.org/2000/svg";

export function element(name, attributes, text) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

/** What was drawn last into each SVG, and at which width. */
const drawn = new WeakMap();
// Not within the observer's own call, whose sizes a drawing may change.
const widths = new ResizeObserver((entries) => requestAnimationFrame(() => entries.forEach(({ target }) => redraw(target))));

function redraw(svg) {
  const last = drawn.get(svg);
  const width = svg.clientWidth;
  if (width === 0 || width === last.width) return;
  last.width = width;
  svg.setAttribute("viewBox", `0 0 ${width} ${last.height}`);
  svg.style.height = `${last.height}px`;
  svg.replaceChildren(...last.make(width, last.height));
}

/** Draws `make(width, height)`, a list of elements, at the width that `svg` has in the page, and again at every other one. */
export function drawInto(svg, height, make) {
  if (!drawn.has(svg)) widths.observe(svg);
  drawn.set(svg, { height, make, width: 0 });
  redraw(svg);
}

const LEFT = 44;
const RIGHT = 12;
const TOP = 10;
const BOTTOM = 42;
const LEGEND = 20;

/** Names of the lines, above the axes where no data lies. */
function legend(lines) {
  return lines.flatMap(({ name, kind }, index) => {
    const y = TOP + LEGEND * (index + 0.5);
    return [
      element("line", { class: `line ${kind}`, x1: LEFT, x2: LEFT + 22, y1: y, y2: y }),
      element("text", { class: `name ${kind}`, x: LEFT + 30, y: y + 4 }, name),
    ];
  });
}

/**
 * Draws lines into `svg`: each { name, kind, points: [[x, y]…] }, numbers that are not finite leaving a hole.
 * `x` and `y` are { from, to, ticks: [[at, words]…], title }; `plotted` is the height of the axes.
 */
export function plot(svg, { x, y, lines, mark, plotted = 150 }) {
  const named = lines.filter(({ name }) => name !== "");
  const top = TOP + LEGEND * named.length + (named.length > 0 ? 6 : 0);
  drawInto(svg, top + plotted + BOTTOM, (width, height) => {
    const across = (value) => LEFT + ((value - x.from) / (x.to - x.from || 1)) * (width - LEFT - RIGHT);
    const up = (value) => height - BOTTOM - ((value - y.from) / (y.to - y.from || 1)) * plotted;
    const parts = legend(named);
    for (const [at, words] of y.ticks) {
      parts.push(element("line", { class: "grid", x1: LEFT, x2: width - RIGHT, y1: up(at), y2: up(at) }));
      parts.push(element("text", { class: "tick", x: LEFT - 6, y: up(at) + 4, "text-anchor": "end" }, words));
    }
    for (const [at, words] of x.ticks) {
      parts.push(element("line", { class: "grid", y1: top, y2: height - BOTTOM, x1: across(at), x2: across(at) }));
      parts.push(element("text", { class: "tick", x: across(at), y: height - BOTTOM + 16, "text-anchor": "middle" }, words));
    }
    parts.push(element("text", { class: "title", x: (LEFT + width - RIGHT) / 2, y: height - 6, "text-anchor": "middle" }, x.title));
    for (const { kind, points } of lines) {
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
    }
    if (mark !== undefined) {
      parts.push(element("line", { class: "mark", x1: across(mark), x2: across(mark), y1: top, y2: height - BOTTOM }));
    }
    return parts;
  });
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
