// Before and after: the same photograph by a head that has learned nothing, behind a divider that moves.

import { byId, draw } from "./dom.js";
import { Superseded } from "./session-worker.js";

/** Segments at which the two are compared first: with many, small pieces of one colour are alike for every head. */
const FEW = 6;

/** `now()`: the picture that is shown; `changed()`: paints again; `slider`: the number of segments. */
export function setUpCompare(session, { now, changed, slider, fail }) {
  const [canvas, split, toggle] = [byId("untrained"), byId("split"), byId("compare")];
  /** The photograph whose untrained segments the worker has. */
  let ready = null;

  const divide = () => {
    canvas.style.clipPath = `inset(0 0 0 ${split.value}%)`;
    byId("divider").style.insetInlineStart = `${split.value}%`;
  };
  const hide = (hidden) => {
    for (const id of ["untrained", "divider", "compare-row"]) byId(id).hidden = hidden;
  };

  const find = async (own) => {
    if (!own?.scene || ready === own.scene) return;
    byId("compare-words").textContent = "Computing …";
    await session.about(own.scene, "eigenvectors", "untrained");
    await session.about(own.scene, "segments", "untrained");
    ready = own.scene;
  };

  const follow = async (own) => {
    if (!toggle.checked || !own?.scene) return;
    try {
      await find(own);
      if (own !== now()) return;
      hide(false);
      changed();
    } catch (error) {
      if (!(error instanceof Superseded)) fail(error.message);
    }
  };

  split.addEventListener("input", divide);
  toggle.addEventListener("change", () => {
    hide(true);
    if (!toggle.checked) return;
    if (Number(slider.value) > FEW) {
      slider.value = FEW;
      slider.dispatchEvent(new Event("input", { bubbles: true }));
    }
    follow(now());
  });
  divide();

  return {
    follow,
    /** Another picture: nothing of it is known. */
    forget() {
      ready = null;
      hide(true);
    },
    /** Paints the untrained half where it shows. */
    async paint(own, segments, style) {
      if (canvas.hidden || ready !== own.scene) return;
      const drawn = style === "fill" ? "fill" : "outlines";
      draw(canvas, await session.about(own.scene, "paint", "untrained", segments, drawn, false));
      byId("compare-words").textContent = `Left ${own.head}, right untrained, ${segments} segments each.`;
    },
  };
}
