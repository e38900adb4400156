// The object that is being picked: a set of pieces, with every step taken back and again. No cut of the tree changes it.

export class Selection {
  #past = [];
  #future = [];
  #before = null;

  constructor(count) {
    this.chosen = new Uint8Array(count);
  }

  /** Whether nothing is chosen. */
  get empty() {
    return !this.chosen.includes(1);
  }

  get pieces() {
    return Uint32Array.from([...this.chosen.keys()].filter((piece) => this.chosen[piece]));
  }

  /** Begins a step of one or more changes: a click, or a way that the pointer is dragged along. */
  begin() {
    this.#before ??= this.chosen.slice();
  }

  /** Chooses pieces, or takes them away; whether that changed something. */
  change(pieces, value) {
    let changed = false;
    for (const piece of pieces) {
      changed ||= this.chosen[piece] !== value;
      this.chosen[piece] = value;
    }
    return changed;
  }

  /** Ends the step: without a change there was none. */
  end() {
    const before = this.#before;
    this.#before = null;
    if (before === null || before.every((value, piece) => value === this.chosen[piece])) return;
    this.#past.push(before);
    this.#future = [];
  }

  clear() {
    this.begin();
    this.chosen.fill(0);
    this.end();
  }

  get undoable() {
    return this.#past.length > 0;
  }

  get redoable() {
    return this.#future.length > 0;
  }

  undo() {
    this.#move(this.#past, this.#future);
  }

  redo() {
    this.#move(this.#future, this.#past);
  }

  #move(from, to) {
    if (from.length === 0) return;
    to.push(this.chosen);
    this.chosen = from.pop();
  }
}
