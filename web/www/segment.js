// Exhibit 1: a picture in segments, and objects picked from them.

import { writeAddress } from "./address.js";
import { byId, draw } from "./dom.js";
import { setUpCompare } from "./compare.js";
import { faint, paintOverlay } from "./overlay.js";
import { PartTree } from "./part-tree.js";
import { setUpPicker } from "./picker.js";
import { setUpSave } from "./save.js";
import { Selection } from "./selection.js";
import { Superseded, latest } from "./session-worker.js";
import { clearStages, drawVectors, likenessOf, showShare, showTime } from "./stages.js";

/** Segments that the slider goes to. */
const MOST = 60;
const STYLES = ["outlines", "fill", "cut-out"];

/** `mirror` looks at mirror images beside the worker; `showMost()` opens the sample where training shows most. */
export function setUpSegment(session, mirror, showMost, fail) {
  const [canvas, overlay, slider] = [byId("picture"), byId("overlay"), byId("k")];
  /** What is shown: see `show` and `showStored`; `whole` once all stages are done. */
  let picture = null;

  const style = () => document.querySelector("input[name=style]:checked").value;
  const takesAway = () => byId("take-away").checked;
  const merges = () => picture.tree.mergesFor(Number(slider.value));
  const shown = () => picture?.tree && { ...picture, merges: merges(), segments: Number(slider.value), style: style() };

  // The picture itself, by the worker; a cut-out by the page, whose pieces it is made of.
  const paint = latest(async () => {
    const own = picture;
    if (!own?.tree) return;
    const begin = performance.now();
    try {
      if (style() === "cut-out") draw(canvas, faint(own.photograph, own.tree, own.selection.chosen));
      else if (own.scene === null) draw(canvas, own.photograph);
      else draw(canvas, await session.about(own.scene, "paint", own.head, Number(slider.value), style(), false));
      canvas.classList.toggle("transparent", style() === "cut-out" || own.seeThrough);
      if (own === picture) canvas.dataset.redrawn = (performance.now() - begin).toFixed(1);
      await compare.paint(own, Number(slider.value), style());
    } catch (error) {
      if (!(error instanceof Superseded)) fail(error.message);
    }
  });

  let asked = false;
  /** What lies over the picture, before the next frame. */
  const light = () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      if (!picture?.tree) return;
      const begin = performance.now();
      const { tree, selection } = picture;
      paintOverlay(overlay, {
        tree,
        hovered: picker.region(),
        chosen: selection.chosen,
        going: picker.mark.going,
        dim: style() !== "cut-out",
        merges: picture.scene === null && style() !== "cut-out" ? merges() : null,
        mark: picker.mark.byKeys ? picker.mark.at : null,
      });
      overlay.dataset.lit = (performance.now() - begin).toFixed(2);
    });
  };

  const tell = () => {
    const { tree, selection, name } = picture;
    const segments = tree.shownSegments(merges());
    byId("k-words").value = `${segments}`;
    const area = selection.pieces.reduce((sum, piece) => sum + tree.areas[piece], 0);
    const words = `${segments} segment${segments === 1 ? "" : "s"}`;
    const picked = selection.empty ? "nothing picked" : `picked ${((100 * area) / tree.shown).toFixed(1)} % of the picture`;
    byId("picture-words").textContent = `${words}, ${picked}`;
    canvas.setAttribute("aria-label", `${name} in ${words}`);
    byId("undo").disabled = !selection.undoable;
    byId("redo").disabled = !selection.redoable;
    byId("clear-picked").disabled = selection.empty;
    saving.follow();
  };

  const picker = setUpPicker(canvas, {
    now: shown,
    takesAway,
    changed(kind) {
      light();
      if (picker.mark.at && picture) look(picker.mark.at);
      if (kind !== "picked") return;
      byId("error").hidden = true;
      tell();
      if (style() === "cut-out") paint();
    },
  });
  const look = likenessOf(session, () => picture, fail);
  const compare = setUpCompare(session, {
    now: () => picture,
    changed: () => paint(),
    cutInto(count) {
      slider.value = count;
      recut();
    },
    showMost,
    fail,
  });
  const saving = setUpSave(session, shown, fail);

  const recut = () => {
    if (!picture?.tree) return;
    picker.reset(true);
    tell();
    light();
    paint();
    writeAddress({ segments: Number(slider.value) === picture.chosen ? null : slider.value }, false);
  };
  slider.addEventListener("input", recut);
  byId("auto").addEventListener("click", () => {
    slider.value = picture.chosen;
    recut();
  });
  for (const input of document.querySelectorAll("input[name=style]")) {
    input.addEventListener("change", () => {
      writeAddress({ draw: style() === STYLES[0] ? null : style() }, false);
      light();
      paint();
    });
  }
  const repicked = () => {
    tell();
    light();
    if (style() === "cut-out") paint();
  };
  const step = (change) => () => {
    if (!picture?.tree) return;
    change(picture.selection);
    repicked();
  };
  const [undo, redo, clear] = [step((s) => s.undo()), step((s) => s.redo()), step((s) => s.clear())];
  byId("undo").addEventListener("click", undo);
  byId("redo").addEventListener("click", redo);
  byId("clear-picked").addEventListener("click", clear);
  byId("larger").addEventListener("click", () => picker.climbPicked(true));
  byId("smaller").addEventListener("click", () => picker.climbPicked(false));
  document.addEventListener("keydown", (event) => {
    const typing = event.target.matches?.("input:not([type=range], [type=radio], [type=checkbox]), textarea");
    if (byId("segment").hidden || typing) return;
    const command = event.ctrlKey || event.metaKey;
    const key = event.key.toLowerCase();
    if (command && key === "z") (event.shiftKey ? redo : undo)();
    else if (command && key === "y") redo();
    else if (!command && key === "escape" && document.activeElement === canvas) clear();
    else return;
    event.preventDefault();
  });

  /** Takes the pieces of a picture, and shows its segments; what was picked of the same pieces stays. */
  const takePieces = (own, found, wanted) => {
    const before = own.tree ? { ...own } : null;
    own.tree = new PartTree({ width: own.width, height: own.height, ...found });
    own.chosen = found.chosen;
    const kept = before ? Number(slider.value) : null;
    own.selection = before?.tree.samePieces(own.tree) ? before.selection : new Selection(own.tree.count);
    slider.max = Math.max(Math.min(own.tree.count, MOST), 1);
    slider.value = wanted ?? kept ?? own.chosen;
    for (const id of ["k", "auto", "larger", "smaller"]) byId(id).disabled = false;
    tell();
    light();
  };

  /** Where nothing can be picked yet, words say how far it is. */
  const sayStage = (own, stage, share = "") => {
    own.stage = stage;
    if (own === picture && !own.tree) byId("picture-words").textContent = `Looking … the ${stage} of four stages${share && `, ${share}`}`;
  };

  /** A stage is done. */
  const pass = (own, stage, ms, next) => {
    showTime(stage, ms);
    sayStage(own, next);
  };

  /** The stages after the features, by a head; what is shown changes when they are done. */
  const lookBy = async (own, head, segments) => {
    own.looking = true;
    const found = await session.about(own.scene, "eigenvectors", head);
    const { columns, rows, eigenvalues } = found;
    pass(own, "eigenvectors", found.ms, "fourth");
    await drawVectors(session, own.scene, head, eigenvalues);
    const maps = await own.mirrored;
    own.mirrored = null;
    if (maps) await session.about(own.scene, "takeMirrored", maps);
    const pieces = await session.about(own.scene, "segments", head);
    own.looking = false;
    showTime("segments", pieces.ms);
    Object.assign(own, { head, columns, rows, eigenvalues });
    look(picker.mark.at ?? { x: own.width >> 1, y: own.height >> 1 });
    takePieces(own, pieces, segments);
    await paint();
  };

  const begin = (own) => {
    picture = own;
    picker.reset(false);
    compare.forget();
    overlay.width = overlay.height = 1;
    byId("frame").style.setProperty("--aspect", own.width / own.height);
    for (const id of ["k", "auto", "larger", "smaller", "undo", "redo", "clear-picked"]) byId(id).disabled = true;
    saving.follow();
  };

  const changeHead = async () => {
    const own = picture;
    if (!own?.head || own.scene === null) return;
    try {
      await lookBy(own, byId("head").value, Number(slider.value));
    } catch (error) {
      if (!(error instanceof Superseded)) fail(error.message);
    }
  };
  byId("head").addEventListener("change", changeHead);

  return {
    /** A part of a stage is done: `done` of `total`. */
    progress({ stage, scene, done, total }) {
      // Not of the head that another one is compared with.
      if (scene === undefined || picture?.scene !== scene || !picture.looking) return;
      const share = `${Math.round((100 * done) / total)} %`;
      showShare(stage, share);
      sayStage(picture, picture.stage, share);
    },

    /** A head was taught in the page, or loaded: it can be chosen, and `use` chooses it. */
    async takeTaught(use) {
      const select = byId("head");
      select.querySelector("[value=taught]").disabled = false;
      if (use) select.value = "taught";
      if (select.value === "taught") await changeHead();
    },

    /** Shows a sample with the segments that were found when the page was made, until the worker has its own. */
    showStored(name, photograph, found, segments) {
      const { width, height } = photograph;
      const own = { name, scene: null, head: "trained", width, height, photograph, seeThrough: false };
      begin(own);
      takePieces(own, found, segments);
      paint();
    },

    /** Runs all stages on the picture that the worker has opened; `segments` of the slider, or null for the network's choice. */
    async show(name, opened, segments) {
      const { scene, width, height, photograph } = opened;
      const seeThrough = photograph.data.some((value, at) => at % 4 === 3 && value === 0);
      const before = picture?.scene === null && picture.name === name ? picture : null;
      const own = { name, scene, head: null, width, height, photograph: { ...photograph, data: photograph.data.slice() }, seeThrough };
      clearStages();
      if (before) {
        Object.assign(own, { tree: before.tree, selection: before.selection, chosen: before.chosen });
        picture = own;
      } else {
        begin(own);
        draw(canvas, photograph);
        canvas.classList.toggle("transparent", seeThrough);
        canvas.setAttribute("aria-label", name);
        sayStage(own, "first");
      }
      const start = performance.now();

      own.looking = true;
      own.mirrored = mirror.features(opened);
      const features = await session.about(scene, "features");
      pass(own, "features", features.ms, "second");
      await lookBy(own, byId("head").value, segments);
      own.whole = true;
      saving.follow();
      canvas.dataset.total = (performance.now() - start).toFixed(0);
      await compare.follow(own);
    },

    /** Puts untrained last layers beside those that are shown. */
    compare: () => compare.begin(),

    /** Follows the address: the slider, the style. */
    follow({ segments, draw: wanted }) {
      const input = STYLES.includes(wanted) ? wanted : STYLES[0];
      document.querySelector(`input[name=style][value=${input}]`).checked = true;
      if (!picture?.tree) return;
      slider.value = segments ?? picture.chosen;
      picker.reset(true);
      tell();
      light();
      paint();
    },
  };
}
