// Before and after: the same photograph by last layers that have learned nothing, behind a divider that moves.

import { byId, draw } from "./dom.js";
import { Overlap } from "./overlap.js";
import { PartTree } from "./part-tree.js";
import { Superseded } from "./session-worker.js";

/** Numbers of segments that are looked through for where the two differ most: with more, small pieces of one colour are alike. */
const [LEAST, MOST] = [4, 12];
/** Whose layers the left half shows. */
const LEARNED = { trained: "learned from people", taught: "learned from your strokes" };
const PARTS = ["untrained", "divider", "compare-row", "tag-left", "tag-right"];

/** `now()`: the picture that is shown; `changed()`: paints again; `cutInto(count)` sets the slider; `showMost()` opens the sample where the two differ most. */
export function setUpCompare(session, { now, changed, cutInto, showMost, fail }) {
  const [canvas, split, toggle] = [byId("untrained"), byId("split"), byId("compare")];
  /** The photograph whose untrained segments the worker has, their tree, and the tree that `overlap` compares it with. */
  let [ready, untrained, overlap, compared] = [null, null, null, null];

  const divide = () => {
    const left = Number(split.value);
    canvas.style.clipPath = `inset(0 0 0 ${left}%)`;
    byId("divider").style.insetInlineStart = `${left}%`;
    // A half too narrow for its words goes without.
    byId("tag-left").classList.toggle("away", left < 35);
    byId("tag-right").classList.toggle("away", left > 75);
  };
  const hide = (hidden) => {
    for (const id of PARTS) byId(id).hidden = hidden;
  };

  const find = async (own) => {
    if (ready === own.scene) return;
    byId("compare-words").textContent = "Computing …";
    await session.about(own.scene, "eigenvectors", "untrained");
    const pieces = await session.about(own.scene, "segments", "untrained");
    untrained = new PartTree({ width: own.width, height: own.height, ...pieces });
    ready = own.scene;
  };

  const overlapOf = (own) => {
    if (compared !== own.tree) [overlap, compared] = [new Overlap(own.tree, untrained), own.tree];
    return overlap;
  };

  const follow = async (own, choose = false) => {
    if (!toggle.checked || !own?.scene || !own.head) return;
    try {
      await find(own);
      if (own !== now() || !toggle.checked) return;
      hide(false);
      if (choose) cutInto(overlapOf(own).leastAlike(LEAST, MOST));
      else changed();
    } catch (error) {
      if (!(error instanceof Superseded)) fail(error.message);
    }
  };

  split.addEventListener("input", divide);
  toggle.addEventListener("change", () => {
    hide(true);
    follow(now(), true);
  });
  byId("compare-most").addEventListener("click", showMost);
  divide();

  return {
    follow,
    /** Shows the untrained half, at the number of segments where the two differ most. */
    begin() {
      toggle.checked = true;
      return follow(now(), true);
    },
    /** Another picture: nothing of it is known. */
    forget() {
      [ready, untrained, overlap, compared] = [null, null, null, null];
      byId("compare-words").textContent = "";
      hide(true);
    },
    /** Paints the untrained half where it shows. */
    async paint(own, segments, style) {
      if (canvas.hidden || ready !== own.scene) return;
      const drawn = style === "fill" ? "fill" : "outlines";
      draw(canvas, await session.about(own.scene, "paint", "untrained", segments, drawn, false));
      byId("tag-left").textContent = LEARNED[own.head];
      const alike = overlapOf(own);
      const most = alike.leastAlike(LEAST, MOST);
      const words = segments === most ? `of ${LEAST} to ${MOST} the number at which they differ most` : `they differ most at ${most}`;
      byId("compare-words").textContent = `Left ${LEARNED[own.head]}, right untrained, ${segments} segments each: ${words}. Here the segments of the two overlap by ${alike.at(segments).toFixed(2)} on average, 1 being the same.`;
    },
  };
}
