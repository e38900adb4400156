// Exhibit 3: scribble labels, and watch the head learn them.

import { arrow, byId, clamp, draw, offer, place, seconds } from "./dom.js";
import { plot, ticks } from "./plot.js";
import { Superseded } from "./session-worker.js";

const COLOURS = [
  [226, 78, 66],
  [44, 123, 210],
  [242, 180, 42],
  [60, 160, 92],
];
const NAMES = ["Red", "Blue", "Yellow", "Green"];
const STEPS = 36;
const RATE = 3e-3;
/** Steps between two looks at the segmentation. */
const LOOK_EVERY = 3;

/** `taught(use)` is called when there is another taught head, `use` when it is to be looked through at once. */
export function setUpScribble(session, fail, taught) {
  const pad = byId("pad");
  let picture = null;
  let strokes = null;
  let shown = null;
  let label = 1;
  let last = null;
  let pen = { x: 0, y: 0, down: false };
  let run = 0;

  const radius = () => Number(byId("pen").value);
  const labelsUsed = () => new Set(strokes?.filter((value) => value > 0)).size;
  const busy = (on) => {
    byId("stop").disabled = !on;
    byId("learn").disabled = on || labelsUsed() < 2;
    byId("clear").disabled = on;
  };

  const group = byId("labels");
  for (const [index, name] of NAMES.entries()) {
    const input = document.createElement("input");
    Object.assign(input, { type: "radio", name: "label", value: index + 1, checked: index === 0 });
    input.addEventListener("change", () => (label = index + 1));
    const dot = document.createElement("span");
    dot.className = `dot label-${index + 1}`;
    const words = document.createElement("label");
    words.append(input, dot, ` ${name}`);
    group.append(words);
  }

  /** Photograph, the segmentation's colours over it, the strokes on top. */
  function render() {
    const { width, height } = picture.photograph;
    const data = new Uint8ClampedArray(picture.photograph.data);
    for (let at = 0; at < width * height; at += 1) {
      const [stroke, segment] = [strokes[at], shown?.[at] ?? 0];
      const [value, share] = stroke > 0 ? [stroke, 0.9] : [segment, 0.45];
      if (value === 0) continue;
      const colour = COLOURS[value - 1];
      for (let c = 0; c < 3; c += 1) data[4 * at + c] += share * (colour[c] - data[4 * at + c]);
    }
    draw(pad, { width, height, data });
    if (document.activeElement === pad) {
      const ink = pad.getContext("2d");
      ink.strokeStyle = pen.down ? "#fff" : "rgba(255,255,255,0.8)";
      ink.lineWidth = 2;
      ink.beginPath();
      ink.arc(pen.x, pen.y, radius(), 0, 2 * Math.PI);
      ink.stroke();
    }
  }

  /** Discs of the pen's size along the way from one place to another. */
  function stroke(from, to) {
    const { width, height } = picture.photograph;
    const r = radius();
    const far = Math.max(Math.abs(to.x - from.x), Math.abs(to.y - from.y), 1);
    for (let step = 0; step <= far; step += Math.max(r / 2, 1)) {
      const [x, y] = [from.x + ((to.x - from.x) * step) / far, from.y + ((to.y - from.y) * step) / far];
      for (let v = Math.max(0, Math.ceil(y - r)); v <= Math.min(height - 1, y + r); v += 1) {
        const half = Math.sqrt(Math.max(r * r - (v - y) ** 2, 0));
        const [first, end] = [Math.max(0, Math.ceil(x - half)), Math.min(width - 1, Math.floor(x + half))];
        strokes.fill(label, v * width + first, v * width + Math.max(end + 1, first));
      }
    }
    byId("learn").disabled = labelsUsed() < 2 || !byId("stop").disabled;
    requestAnimationFrame(render);
  }

  pad.addEventListener("pointerdown", (event) => {
    const at = picture && place(pad, event);
    if (!at) return;
    pad.setPointerCapture(event.pointerId);
    last = at;
    stroke(at, at);
  });
  pad.addEventListener("pointermove", (event) => {
    const at = last && place(pad, event);
    if (!at) return;
    stroke(last, at);
    last = at;
  });
  for (const name of ["pointerup", "pointercancel"]) pad.addEventListener(name, () => (last = null));
  for (const name of ["focus", "blur"]) pad.addEventListener(name, () => picture && render());
  pad.addEventListener("keydown", (event) => {
    if (!picture) return;
    const { width, height } = picture.photograph;
    const by = arrow(event.key, event.shiftKey ? 24 : 6);
    if (by) {
      const to = { x: clamp(pen.x + by[0], 0, width - 1), y: clamp(pen.y + by[1], 0, height - 1) };
      if (pen.down) stroke(pen, to);
      Object.assign(pen, to);
    } else if (event.key === " ") {
      pen.down = !pen.down;
      if (pen.down) stroke(pen, pen);
    } else if (/^[1-4]$/.test(event.key)) {
      label = Number(event.key);
      group.querySelectorAll("input")[label - 1].checked = true;
    } else {
      return;
    }
    event.preventDefault();
    render();
  });
  const penWords = () => (byId("pen-words").value = `${2 * radius()} pixels`);
  byId("pen").addEventListener("input", penWords);
  penWords();

  byId("clear").addEventListener("click", () => {
    if (!picture) return;
    strokes.fill(0);
    shown = null;
    busy(false);
    render();
  });
  byId("stop").addEventListener("click", () => stop());
  byId("learn").addEventListener("click", learn);

  const keepTaught = async (use) => {
    for (const id of ["use-taught", "save-taught"]) byId(id).disabled = false;
    await taught(use);
  };
  byId("use-taught").addEventListener("click", () => taught(true));
  byId("save-taught").addEventListener("click", async () => {
    try {
      offer(new Blob([await session.call("taughtFile")]), "head.safetensors");
    } catch (error) {
      fail(error.message);
    }
  });
  byId("load-taught").addEventListener("change", async ({ target }) => {
    const [file] = target.files;
    target.value = "";
    if (!file) return;
    try {
      await session.call("loadTaught", file.name, await file.arrayBuffer());
      byId("error").hidden = true;
      byId("pad-words").textContent = `${file.name} was loaded: “your strokes” are those that it learned from.`;
      await keepTaught(false);
    } catch (error) {
      fail(error.message);
    }
  });

  function stop() {
    run += 1;
    busy(false);
  }

  async function learn() {
    const own = ++run;
    const from = document.querySelector("input[name=from]:checked").value;
    const { scene } = picture;
    busy(true);
    const steps = [];
    try {
      const { marked, labels } = await session.about(scene, "beginTraining", strokes.slice(), from, RATE);
      const look = async () => {
        const found = await session.about(scene, "scribbledLabels");
        if (own !== run) return;
        shown = found;
        render();
      };
      await look();
      for (let step = 0; step < STEPS && own === run; step += 1) {
        steps.push(await session.about(scene, "train"));
        if (own !== run) return;
        curves(steps);
        const mean = steps.reduce((sum, { ms }) => sum + ms, 0) / steps.length;
        byId("pad-words").textContent = `Step ${step + 1} of ${STEPS}: ${marked} places under the pen, ${labels} labels, ${seconds(mean)} a step`;
        if ((step + 1) % LOOK_EVERY === 0) await look();
      }
      await session.about(scene, "keepTaught");
      await keepTaught(false);
      pad.dataset.trained = steps.length;
    } catch (error) {
      if (own === run && !(error instanceof Superseded)) fail(error.message);
    } finally {
      if (own === run) busy(false);
    }
  }

  function showCurves(shown) {
    byId("curves").hidden = !shown;
    byId("no-curves").hidden = shown;
  }

  function curves(steps) {
    showCurves(true);
    const x = { from: 1, to: STEPS, ticks: ticks(1, STEPS), title: "step" };
    const points = (key) => steps.map((step, index) => [index + 1, step[key]]);
    const most = (...keys) => Math.max(...steps.flatMap((step) => keys.map((key) => step[key])), 1e-9) * 1.05;
    const first = steps[0].loss;
    const { loss, similarityRank, targetRank } = steps.at(-1);
    plot(byId("objective"), {
      x,
      y: { from: 0, to: most("loss"), ticks: ticks(0, most("loss")), title: "" },
      lines: [{ name: "", kind: "good", points: points("loss") }],
    });
    plot(byId("ranks"), {
      x,
      y: { from: 0, to: most("similarityRank", "targetRank"), ticks: ticks(0, most("similarityRank", "targetRank")), title: "" },
      lines: [
        { name: "the network’s", kind: "bad", points: points("similarityRank") },
        { name: "the number of labels", kind: "good", points: points("targetRank") },
      ],
    });
    byId("objective-words").textContent = `${first.toFixed(2)} → ${loss.toFixed(2)}`;
    byId("ranks-words").textContent = `${similarityRank.toFixed(1)} and ${targetRank}`;
  }

  return {
    /** Takes the picture that the worker has opened; its strokes are gone. */
    show(opened) {
      stop();
      picture = { scene: opened.scene, photograph: { ...opened.photograph, data: new Uint8ClampedArray(opened.photograph.data) } };
      strokes = new Uint8Array(opened.width * opened.height);
      shown = null;
      pen = { x: opened.width >> 1, y: opened.height >> 1, down: false };
      byId("pad-words").textContent = "Draw a stroke on each of two things or more, each with a label of its own, then press Train.";
      showCurves(false);
      busy(false);
      render();
    },
    stop,
  };
}
