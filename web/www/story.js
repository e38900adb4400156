// The story: from a feature to a gradient, each step with something to move, on a picture of 96 cells.

import { drawCells, followCells, grey, heat, signed } from "./cells.js";
import { setUpBeforeAfter } from "./before-after.js";
import { byId } from "./dom.js";
import { drawInto, element, plot } from "./plot.js";
import { latest } from "./session-worker.js";

const [WIDTH, HEIGHT] = [12, 8];
/** How far t goes on either side of the meeting. */
const FAR = 0.5;
const POINTS = 121;
/** Grey levels among the numbers of a feature; what each number asks about. */
const LEVELS = 5;
const NOTED = ["black", "dark", "mid", "light", "white", "left", "mid", "right", "top", "mid", "foot"];

const signedWords = (value) => `${value}`.replace("-", "−");

/** A light sky, a grey meadow, a dark tree with a round crown. */
function landscape() {
  return Float64Array.from({ length: WIDTH * HEIGHT }, (_, cell) => {
    const [x, y] = [cell % WIDTH, Math.floor(cell / WIDTH)];
    const tree = (x - 3.5) ** 2 + (y - 2.5) ** 2 < 4.6 || (x >= 3 && x <= 4 && y < 7 && y > 2);
    return tree ? 0.08 : y < 5 ? 0.95 : 0.5;
  });
}

/** `showMost()` leads to the sample where training shows most, `open(tab)` to another exhibit. */
export function setUpStory(session, showMost, open) {
  let levels = landscape();
  let found = null;
  let mark = 3 * WIDTH + 3;
  let swinging = 0;

  const feature = (cell) => found.features.subarray(cell * found.length, (cell + 1) * found.length);
  /** How the cells swing with an eigenvector, the widest by 1. */
  const swingOf = (index) => {
    const values = found.swings.subarray(index * levels.length, (index + 1) * levels.length);
    const most = values.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-12);
    return Float64Array.from(values, (value) => value / most);
  };
  const likeness = (cell) => {
    const length = (f) => Math.sqrt(f.reduce((sum, value) => sum + value * value, 0));
    const own = feature(cell);
    return Float64Array.from(levels, (_, other) => {
      const f = feature(other);
      return f.reduce((sum, value, c) => sum + value * own[c], 0) / (length(f) * length(own));
    });
  };

  const drawMarked = () => {
    drawCells(byId("story-paint"), WIDTH, levels, grey, mark);
    const numbers = [...feature(mark)];
    drawInto(byId("story-feature"), 132, (width) => {
      const [pitch, room] = [width / numbers.length, 78];
      const word = (kind, c, y, words) => element("text", { class: kind, x: (c + 0.5) * pitch, y, "text-anchor": "middle" }, words);
      return numbers.flatMap((value, c) => [
        element("rect", { class: c < LEVELS ? "bar level" : "bar", x: c * pitch + 3, width: pitch - 6, y: 18 + room * (1 - value), height: room * value + 1 }),
        word("number", c, 13 + room * (1 - value), value.toFixed(2)),
        word("tick", c, 112, NOTED[c]),
      ]).concat([["grey", 2], ["across", 6], ["down", 9]].map(([words, c]) => word("tick", c, 127, words)));
    });
    drawCells(byId("story-likeness"), WIDTH, likeness(mark), heat, mark);
  };

  const drawSwing = (time) => {
    const index = Number(byId("story-vector").value) - 1;
    const values = swingOf(index);
    const phase = time === null ? 1 : Math.cos(time / 450);
    drawCells(byId("story-swing"), WIDTH, values.map((value) => value * phase), signed);
    byId("story-vector-words").value = `${index + 1}, eigenvalue ${found.values[index].toFixed(3)}`;
  };
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  const swing = (time) => {
    if (byId("story").hidden || still.matches) {
      swinging = 0;
      if (found) drawSwing(null);
      return;
    }
    if (found) drawSwing(time);
    swinging = requestAnimationFrame(swing);
  };

  let order = [];
  let costs = [];
  const drawCut = () => {
    const count = Number(byId("story-cut").value);
    const side = new Uint8Array(levels.length);
    for (const cell of order.slice(0, count)) side[cell] = 1;
    drawCells(byId("story-sides"), WIDTH, Float64Array.from(levels, (level, cell) => (side[cell] ? 2 : 0) + level), (value) => {
      const level = value >= 2 ? value - 2 : value;
      return value >= 2 ? `rgb(${Math.round(110 + 130 * level)} ${Math.round(60 + 110 * level)} 40)` : `rgb(40 ${Math.round(60 + 100 * level)} ${Math.round(110 + 130 * level)})`;
    });
    byId("story-cut-words").value = `${count} cells against ${levels.length - count}, cost ${costs[count - 1].toFixed(3)}`;
    const most = Math.max(...costs.slice(0, -1)) * 1.05;
    plot(byId("story-costs"), {
      x: { from: 1, to: levels.length, ticks: [[1, "1"], [24, "24"], [48, "48"], [72, "72"], [95, "95"]], title: "cells on the first side" },
      y: { from: 0, to: most, ticks: [[0, "0"], [0.5, "0.5"], [1, "1"]].filter(([at]) => at <= most), title: "" },
      lines: [{ name: "cost of the cut", kind: "good", points: [...costs.slice(0, -1)].map((cost, at) => [at + 1, cost]) }],
      mark: count,
    });
  };

  const recompute = latest(async () => {
    const nearness = Number(byId("story-nearness").value) / 100;
    found = await session.call("toy", levels, WIDTH, nearness);
    const second = swingOf(1);
    order = [...levels.keys()].sort((a, b) => second[a] - second[b]);
    costs = await session.call("toyCuts", Uint32Array.from(order));
    const cheapest = costs.slice(0, -1).reduce((best, cost, at) => (cost < costs[best] ? at : best), 0);
    byId("story-cut").value = cheapest + 1;
    byId("story-nearness-words").value = `${Math.round(100 * nearness)} %`;
    drawMarked();
    drawSwing(null);
    drawCut();
    byId("story").dataset.ready = (Number(byId("story").dataset.ready ?? 0) + 1).toString();
    if (!swinging) swing(0);
  });

  const times = Float64Array.from({ length: POINTS }, (_, at) => -FAR + (2 * FAR * at) / (POINTS - 1));
  const drawTurning = latest(async () => {
    const gap = 10 ** (-Number(byId("story-gap").value) / 20);
    const pairs = await session.call("turning", gap, times);
    const line = (which) => [...times].map((t, at) => [t, pairs[2 * at + which]]);
    plot(byId("story-turning"), {
      x: { from: -FAR, to: FAR, ticks: [-0.5, -0.25, 0, 0.25, 0.5].map((t) => [t, signedWords(t)]), title: "t" },
      y: { from: -50, to: 50, ticks: [-45, 0, 45].map((angle) => [angle, `${signedWords(angle)}°`]), title: "" },
      lines: [
        { name: "first eigenvector: its angle", kind: "bad", points: line(0) },
        { name: "plane of the first two: its tilt", kind: "good", points: line(1) },
      ],
    });
    // Differences from t = 0: of the vector over a step far below the gap; the plane does not know the gap.
    const [ofVector, ofPlane] = [gap / 1000, 1e-3];
    const near = await session.call("turning", gap, [0, ofVector, ofPlane]);
    const [vector, plane] = [Math.abs(near[2] - near[0]) / ofVector, Math.abs(near[5] - near[1]) / ofPlane];
    byId("story-gap-words").value = `${gap.toPrecision(2)}`;
    byId("story-steepness").textContent = `t says how far the matrix has changed. At t = 0 the eigenvector turns by ${vector.toFixed(0)}° for each unit of t, about 57.3° / g; the plane tilts by ${plane.toFixed(0)}°, about the same for every g.`;
    await drawShadow();
    byId("story-turning").dataset.gap = `${gap}`;
  });

  /** Step 6: the numbers of the vector and of the projector at one t. */
  const drawShadow = latest(async () => {
    const [gap, t] = [10 ** (-Number(byId("story-gap").value) / 20), Number(byId("story-t").value) / 1000];
    const numbers = await session.call("vectorAndProjector", gap, t);
    const words = (value) => {
      const text = Math.abs(value).toFixed(3);
      return value < 0 && Number(text) > 0 ? `−${text}` : text;
    };
    byId("story-t-words").value = words(t);
    const row = (kind, values, ...head) => {
      const made = document.createElement("tr");
      made.className = kind;
      made.append(...head, ...[...values].map((value) => Object.assign(document.createElement("td"), { textContent: words(value) })));
      return made;
    };
    const head = (textContent, rowSpan) => Object.assign(document.createElement("th"), { textContent, rowSpan, scope: "row" });
    byId("story-shadow").replaceChildren(
      row("bad", numbers.subarray(0, 3), head("eigenvector", 1)),
      row("good", numbers.subarray(3, 6), head("projector", 3)),
      row("good", numbers.subarray(6, 9)),
      row("good", numbers.subarray(9)),
    );
    byId("story-shadow").dataset.t = `${t}`;
  });

  followCells(byId("story-paint"), WIDTH, HEIGHT, (cell, pressed) => {
    mark = cell;
    const ink = document.querySelector("input[name=ink]:checked").value;
    if (pressed && ink !== "") {
      levels = levels.slice();
      levels[cell] = Number(ink);
      recompute();
    } else if (found) {
      drawMarked();
    }
  });
  followCells(byId("story-likeness"), WIDTH, HEIGHT, (cell) => {
    mark = cell;
    if (found) drawMarked();
  });
  byId("story-reset").addEventListener("click", () => {
    levels = landscape();
    recompute();
  });
  byId("story-nearness").addEventListener("input", () => recompute());
  byId("story-vector").addEventListener("input", () => drawSwing(null));
  byId("story-cut").addEventListener("input", drawCut);
  byId("story-gap").addEventListener("input", () => drawTurning());
  byId("story-t").addEventListener("input", () => drawShadow());
  byId("story-to-gap").addEventListener("click", () => open("gap"));
  byId("story-to-compare").addEventListener("click", () => showMost());
  byId("story-to-train").addEventListener("click", () => open("train"));

  const showBeforeAfter = setUpBeforeAfter();
  return () => {
    showBeforeAfter();
    if (found && !swinging) swing(0);
    if (!found) recompute();
    drawTurning();
  };
}
