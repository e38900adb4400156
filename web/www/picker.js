// Picking by pointer, wheel, touch and keyboard: what is lit, and what a press does with it.

import { arrow, clamp, place } from "./dom.js";

/** How far the wheel turns for a step of the tree, in pixels. */
const NOTCH = 40;

/**
 * `canvas` takes the events. `now()` is what is shown, { tree, selection, merges }, or null. `takesAway()`: whether the tool
 * that was chosen does. `changed(kind)` is called with "lit" after every move and with "picked" after a change.
 */
export function setUpPicker(canvas, { now, takesAway, changed }) {
  const state = { at: null, merges: null, byKeys: false, going: false };
  /** Where something was picked last, and at which merges: what the buttons climb from, once the pointer is on them. */
  let last = null;
  let dragging = null;
  let turned = 0;

  /** The region under the mark, or null. */
  const region = () => {
    const shown = now();
    if (!shown?.tree || !state.at) return null;
    const piece = shown.tree.pieceAt(state.at);
    return piece === null ? null : shown.tree.segmentOf(piece, state.merges ?? shown.merges);
  };

  const pick = (away) => {
    const [shown, found] = [now(), region()];
    if (found === null) return;
    last = { at: state.at, merges: state.merges };
    if (shown.selection.change(shown.tree.pieces(found), away ? 0 : 1)) changed("picked");
  };

  /** One step, by a press that begins and ends at once. */
  const press = (away) => {
    const shown = now();
    if (!shown?.tree) return;
    shown.selection.begin();
    pick(away);
    shown.selection.end();
    changed("picked");
  };

  /** To the next larger part, or the next smaller; whether there is one. */
  const climb = (up) => {
    const shown = now();
    const piece = shown?.tree && state.at ? shown.tree.pieceAt(state.at) : null;
    if (piece === null) return false;
    const from = state.merges ?? shown.merges;
    const to = up ? shown.tree.larger(piece, from) : shown.tree.smaller(piece, from);
    if (to === from) return false;
    state.merges = to;
    changed("lit");
    return true;
  };

  /** The part that was picked last gives way to the next larger, or smaller, around the same place: for buttons. */
  const climbPicked = (up) => {
    const shown = now();
    if (!shown?.tree || !last) return;
    Object.assign(state, last);
    const before = region();
    if (!climb(up)) return;
    const { selection, tree } = shown;
    selection.begin();
    selection.change(tree.pieces(before), 0);
    selection.change(tree.pieces(region()), 1);
    selection.end();
    last = { at: state.at, merges: state.merges };
    changed("picked");
  };

  const move = (event) => {
    const at = place(canvas, event);
    if (!at) return;
    if (state.byKeys) state.merges = null;
    Object.assign(state, { at, byKeys: false, going: takesAway() !== event.altKey });
    if (dragging) pick(dragging.away);
    changed("lit");
  };
  canvas.addEventListener("pointermove", move);
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || !now()?.tree) return;
    canvas.setPointerCapture(event.pointerId);
    dragging = { away: takesAway() !== event.altKey };
    now().selection.begin();
    move(event);
  });
  for (const name of ["pointerup", "pointercancel"]) {
    canvas.addEventListener(name, () => {
      if (!dragging) return;
      dragging = null;
      now()?.selection.end();
      changed("picked");
    });
  }
  canvas.addEventListener("pointerleave", () => {
    if (dragging || state.byKeys) return;
    Object.assign(state, { at: null, merges: null });
    changed("lit");
  });
  canvas.addEventListener("wheel", (event) => {
    if (event.ctrlKey || event.shiftKey || !state.at) return;
    turned += event.deltaY * (event.deltaMode === 0 ? 1 : NOTCH);
    if (Math.abs(turned) < NOTCH) {
      event.preventDefault();
      return;
    }
    // Up is larger. Where the tree ends the page scrolls.
    if (climb(turned < 0)) event.preventDefault();
    turned = 0;
  }, { passive: false });

  canvas.addEventListener("keydown", (event) => {
    const shown = now();
    if (!shown?.tree) return;
    const { width, height } = shown.tree;
    const command = event.ctrlKey || event.metaKey;
    const by = command ? null : arrow(event.key, event.shiftKey ? 32 : 8);
    if (by) {
      const from = state.at ?? { x: width >> 1, y: height >> 1 };
      const at = { x: clamp(from.x + by[0], 0, width - 1), y: clamp(from.y + by[1], 0, height - 1) };
      Object.assign(state, { at, byKeys: true, going: takesAway() });
      changed("lit");
    } else if (!command && (event.key === "Enter" || event.key === " ")) {
      state.at ??= { x: width >> 1, y: height >> 1 };
      state.byKeys = true;
      press(takesAway() !== (event.shiftKey || event.altKey));
    } else if (!command && (event.key === "Delete" || event.key === "Backspace")) {
      press(true);
    } else if (!command && "+=".includes(event.key)) {
      climb(true);
    } else if (!command && "-_".includes(event.key)) {
      climb(false);
    } else {
      return;
    }
    event.preventDefault();
  });
  canvas.addEventListener("blur", () => {
    if (!state.byKeys) return;
    Object.assign(state, { at: null, merges: null, byKeys: false });
    changed("lit");
  });

  return {
    region,
    climbPicked,
    /** Where the mark is, and whether the keyboard moves it. */
    get mark() {
      return state;
    },
    /** Another cut or another picture: parts are those of the slider again. */
    reset(keepPlace) {
      state.merges = null;
      if (last) last.merges = null;
      if (!keepPlace) {
        last = null;
        Object.assign(state, { at: null, byKeys: false });
      }
      dragging = null;
    },
  };
}
