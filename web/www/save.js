// What a visitor takes along: the object or all segments, as pictures and files, and by the clipboard.

import { byId, draw, offer } from "./dom.js";

const NOTHING = "Nothing is picked yet: click a part of the picture first.";
const WAIT = "In a moment: the network is still looking.";
const FORMS = {
  "object-svg": { form: "svg", type: "image/svg+xml", ending: "object.svg", object: true },
  "object-coco": { form: "coco", type: "application/json", ending: "object.json", object: true },
  labels: { form: "labels", type: "image/png", ending: "labels.png" },
  svg: { form: "svg", type: "image/svg+xml", ending: "outlines.svg" },
  coco: { form: "coco", type: "application/json", ending: "segments.json" },
};

async function png(painted) {
  const full = new OffscreenCanvas(painted.width, painted.height);
  draw(full, painted);
  return full.convertToBlob({ type: "image/png" });
}

/** `now()` is what is shown: { name, scene, head, selection, segments, style, whole }, or null. */
export function setUpSave(session, now, fail) {
  const cutOut = async ({ scene, head, selection }) => png(await session.about(scene, "cutOut", head, selection.pieces));
  const ofObject = (what) => what === "object" || FORMS[what]?.object === true;

  /** Allows what there is something to do for, with a word where there is not. */
  const follow = () => {
    const shown = now();
    const nothing = !shown || shown.selection.empty;
    const needed = ofObject(byId("save-as").value);
    byId("save").disabled = !shown?.whole || (needed && nothing);
    byId("copy").disabled = !shown?.whole || nothing;
    const words = shown?.whole ? (nothing ? NOTHING : "") : WAIT;
    byId("save-hint").textContent = words === NOTHING && !needed ? "To copy, click a part of the picture first." : words;
  };
  byId("save-as").addEventListener("change", follow);

  /** The file that was chosen, and the end of its name. */
  const made = async (what, shown) => {
    const { scene, head, selection, segments } = shown;
    if (what === "object") return [await cutOut(shown), "cut-out.png"];
    if (what === "picture") {
      const style = shown.style === "fill" ? "fill" : "outlines";
      return [await png(await session.about(scene, "paint", head, segments, style, true)), `${style}.png`];
    }
    const { form, type, ending, object } = FORMS[what];
    const pieces = object ? selection.pieces : new Uint32Array();
    return [new Blob([await session.about(scene, "file", head, segments, pieces, form)], { type }), ending];
  };

  byId("save").addEventListener("click", async () => {
    const shown = now();
    try {
      const [blob, ending] = await made(byId("save-as").value, shown);
      offer(blob, `${shown.name.replace(/\.[^.]*$/, "")}.${ending}`);
    } catch (error) {
      fail(error.message);
    }
  });

  const copy = async () => {
    const shown = now();
    if (!shown?.whole) return;
    if (shown.selection.empty) {
      // By the keyboard, which no button holds back.
      byId("picture-words").textContent = NOTHING;
      return;
    }
    try {
      if (!navigator.clipboard?.write) throw new Error("This browser lets pages copy no pictures here; save it instead.");
      // The promise goes in as it is: browsers allow the clipboard only while the press is fresh.
      await navigator.clipboard.write([new ClipboardItem({ "image/png": cutOut(shown) })]);
      byId("picture-words").textContent = "Copied: the object, at full size, on transparent ground.";
    } catch (error) {
      fail(error.message);
    }
  };
  byId("copy").addEventListener("click", copy);
  byId("picture").addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key === "c") copy();
  });
  return { follow };
}
