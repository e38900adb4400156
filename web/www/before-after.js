// The story's last step: one photograph in segments by learned last layers and by untrained ones, with a divider.

import { byId, draw } from "./dom.js";
import { Overlap } from "./overlap.js";
import { paintOverlay } from "./overlay.js";
import { beforeAndAfter } from "./stored.js";

/** Answers with what shows the step; the first time it fetches the pieces. */
export function setUpBeforeAfter() {
  const [split, slider] = [byId("story-split"), byId("story-segments")];
  let found = null;
  let asked = false;

  const divide = () => {
    byId("story-learned").style.clipPath = `inset(0 ${100 - split.value}% 0 0)`;
    byId("story-untrained").style.clipPath = `inset(0 0 0 ${split.value}%)`;
    byId("story-divider").style.insetInlineStart = `${split.value}%`;
  };
  const cut = () => {
    const segments = Number(slider.value);
    for (const name of ["learned", "untrained"]) {
      const tree = found[name];
      paintOverlay(byId(`story-${name}`), { tree, hovered: null, chosen: new Uint8Array(tree.count), going: false, dim: false, merges: tree.mergesFor(segments), mark: null });
    }
    byId("story-segments-words").value = `${segments}, overlap ${found.overlap.at(segments).toFixed(2)}`;
  };
  split.addEventListener("input", divide);
  slider.addEventListener("input", () => found && cut());
  divide();

  return async () => {
    if (asked) return;
    asked = true;
    found = await beforeAndAfter();
    if (!found) return;
    found.overlap = new Overlap(found.learned, found.untrained);
    byId("story-halves").style.setProperty("--aspect", found.photograph.width / found.photograph.height);
    draw(byId("story-photograph"), found.photograph);
    slider.value = found.overlap.leastAlike(Number(slider.min), Number(slider.max));
    cut();
    byId("story-before-after").hidden = false;
  };
}
