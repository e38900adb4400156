// Exhibit 1: a picture, stage by stage.

import { arrow, bitmap, byId, clamp, draw, place, power, seconds } from "./dom.js";
import { latest } from "./session-worker.js";

/** Eigenvectors that are shown. */
const VECTORS = 6;

export function setUpSegment(session, fail) {
  const [canvas, slider] = [byId("picture"), byId("k")];
  const heads = {
    true: { canvas, words: byId("picture-words"), title: "Trained head" },
    false: { canvas: byId("untrained"), words: byId("untrained-words"), title: "Untrained head" },
  };
  let picture = null;
  let mark = { x: 0, y: 0 };

  const time = (stage, ms) => (byId(`stage-${stage}`).querySelector(".time").textContent = ms === null ? "" : seconds(ms));
  const style = () => document.querySelector("input[name=style]:checked").value;
  const comparing = () => byId("compare").checked;

  const drawCut = async (trained) => {
    const head = picture.heads[trained];
    const k = Number(slider.value);
    const { segments, ids } = await session.call("cut", trained, k);
    if (head.k !== segments) head.chosen = new Set();
    head.ids = ids;
    head.k = segments;
    const chosen = [...head.chosen];
    const lifted = chosen.length > 0;
    const mode = style();
    const view = heads[trained];
    const painted = await session.call("paint", trained, k, mode, chosen, false);
    if (lifted && mode !== "cut-out") {
      const above = await bitmap(await session.call("paint", trained, k, "cut-out", chosen, false));
      draw(view.canvas, painted);
      lift(view.canvas, above);
    } else {
      draw(view.canvas, painted);
    }
    view.canvas.classList.toggle("transparent", mode === "cut-out");
    const some = lifted ? `, ${chosen.length} lifted` : mode === "cut-out" ? ": click the segments to keep" : "";
    view.words.textContent = `${view.title}: ${segments} segment${segments === 1 ? "" : "s"}${some}`;
    view.canvas.setAttribute("aria-label", `${picture.name} in ${segments} segments by the ${view.title.toLowerCase()}`);
  };

  /** The slider's own time is the trained head's: the time a person waits. */
  const redraw = latest(async () => {
    if (!picture?.most) return;
    const own = picture;
    const begin = performance.now();
    try {
      await drawCut(true);
      if (own === picture) canvas.dataset.redrawn = (performance.now() - begin).toFixed(1);
      byId("k-words").value = `${slider.value}`;
      if (comparing() && own === picture && own.heads.false.ready) await drawCut(false);
    } catch (error) {
      if (own === picture) fail(error.message);
    }
  });

  const lookAt = latest(async ({ x, y }) => {
    if (!picture?.columns) return;
    const own = picture;
    const at = (pixel, positions, pixels) => clamp(Math.floor((pixel / pixels) * positions), 0, positions - 1);
    const [column, row] = [at(x, own.columns, own.width), at(y, own.rows, own.height)];
    try {
      const found = await session.call("affinity", true, column, row);
      if (own !== picture) return;
      const heat = byId("heat");
      draw(heat, found);
      heat.dataset.position = `${column},${row}`;
      const pen = heat.getContext("2d");
      pen.strokeStyle = "#fff";
      pen.lineWidth = 0.6;
      pen.strokeRect(column - 0.5, row - 0.5, 2, 2);
      time("affinity", found.ms);
    } catch (error) {
      if (own === picture) fail(error.message);
    }
  });

  const drawVectors = async (own, count) => {
    const strip = byId("vectors");
    strip.replaceChildren();
    for (let index = 1; index <= Math.min(VECTORS, count - 1); index += 1) {
      const found = await session.call("eigenvector", true, index);
      if (own !== picture) return;
      const small = document.createElement("canvas");
      small.setAttribute("role", "img");
      small.setAttribute("aria-label", `Eigenvector ${index + 1}, eigenvalue ${power(own.eigenvalues[index])}`);
      draw(small, found);
      const figure = document.createElement("figure");
      const words = document.createElement("figcaption");
      words.textContent = `λ${"₁₂₃₄₅₆₇₈₉"[index]} = ${power(own.eigenvalues[index])}`;
      figure.append(small, words);
      strip.append(figure);
    }
  };

  /** All stages of one head; the trained one's are shown. */
  const compare = async (own) => {
    const head = own.heads.false;
    if (head.ready) return;
    await session.call("eigenvectors", false);
    await session.call("segments", false);
    head.ready = true;
  };

  canvas.addEventListener("pointermove", (event) => {
    const at = place(canvas, event);
    if (at) {
      mark = at;
      lookAt(at);
    }
  });
  const toggle = (trained, at) => {
    const head = picture?.heads[trained];
    if (!head?.ids) return;
    const segment = head.ids[at.y * picture.width + at.x];
    if (!head.chosen.delete(segment)) head.chosen.add(segment);
    redraw();
  };
  for (const trained of [true, false]) {
    const view = heads[trained].canvas;
    view.addEventListener("click", (event) => {
      const at = place(view, event);
      if (at) toggle(trained, at);
    });
  }
  canvas.addEventListener("keydown", (event) => {
    if (!picture) return;
    const by = arrow(event.key, event.shiftKey ? 32 : 8);
    if (by) {
      mark = { x: clamp(mark.x + by[0], 0, picture.width - 1), y: clamp(mark.y + by[1], 0, picture.height - 1) };
      lookAt(mark);
    } else if (event.key === "Enter") {
      toggle(true, mark);
    } else {
      return;
    }
    event.preventDefault();
  });
  slider.addEventListener("input", redraw);
  byId("auto").addEventListener("click", () => {
    slider.value = picture.chosen;
    redraw();
  });
  for (const input of document.querySelectorAll("input[name=style]")) input.addEventListener("change", redraw);
  byId("compare").addEventListener("change", async () => {
    byId("untrained-figure").hidden = !comparing();
    byId("views").classList.toggle("two", comparing());
    const own = picture;
    if (!own?.most || !comparing()) return;
    byId("untrained-words").textContent = "Untrained head: computing …";
    try {
      await compare(own);
      if (own === picture) redraw();
    } catch (error) {
      if (own === picture) fail(error.message);
    }
  });
  byId("save").addEventListener("click", async () => {
    const own = picture;
    try {
      const chosen = [...own.heads.true.chosen];
      const made = await session.call("paint", true, Number(slider.value), style(), chosen, true);
      const full = new OffscreenCanvas(made.width, made.height);
      draw(full, made);
      const link = document.createElement("a");
      link.href = URL.createObjectURL(await full.convertToBlob({ type: "image/png" }));
      link.download = `${own.name.replace(/\.[^.]*$/, "")}.${style()}.png`;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 60000);
    } catch (error) {
      fail(error.message);
    }
  });

  return {
    /** Runs all stages on the picture that the worker has opened. */
    async show(name, opened, stale) {
      const own = { name, width: opened.width, height: opened.height, heads: {} };
      for (const trained of [true, false]) own.heads[trained] = { chosen: new Set(), ids: null, k: 0, ready: false };
      picture = own;
      for (const stage of ["features", "affinity", "eigenvectors", "segments"]) time(stage, null);
      for (const id of ["k", "auto", "save"]) byId(id).disabled = true;
      for (const canvas of [byId("heat"), heads.false.canvas]) canvas.width = canvas.height = 1;
      byId("vectors").replaceChildren();
      draw(canvas, opened.photograph);
      canvas.classList.remove("transparent");
      canvas.setAttribute("aria-label", name);
      heads.true.words.textContent = "Looking …";
      mark = { x: own.width >> 1, y: own.height >> 1 };
      const begin = performance.now();

      const features = await session.call("features");
      if (stale()) return;
      time("features", features.ms);
      const found = await session.call("eigenvectors", true);
      if (stale()) return;
      Object.assign(own, { columns: found.columns, rows: found.rows, eigenvalues: found.eigenvalues });
      time("eigenvectors", found.ms);
      lookAt(mark);
      await drawVectors(own, found.eigenvalues.length);
      if (stale()) return;
      const { ms, chosen, most } = await session.call("segments", true);
      if (stale()) return;
      time("segments", ms);
      Object.assign(own, { chosen, most });
      slider.max = Math.min(most, 60);
      slider.value = chosen;
      own.heads.true.ready = true;
      await redraw();
      for (const id of ["k", "auto", "save"]) byId(id).disabled = false;
      canvas.dataset.total = (performance.now() - begin).toFixed(0);
      if (comparing()) {
        await compare(own);
        if (!stale()) await redraw();
      }
    },
  };
}

/** Draws the chosen segments a little above a darkened picture. */
function lift(canvas, above) {
  const pen = canvas.getContext("2d");
  pen.fillStyle = "rgba(8, 10, 20, 0.6)";
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.save();
  pen.shadowColor = "rgba(0, 0, 0, 0.8)";
  pen.shadowBlur = 14;
  pen.shadowOffsetY = 8;
  pen.drawImage(above, 0, -5);
  pen.restore();
}
