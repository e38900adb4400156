// The mirror image in a second worker, where the machine has a second core: the first one then only takes its features.

import { SessionWorker } from "./session-worker.js";

/** Begins after the first result, so that nothing waits for it. */
export class Mirror {
  #worker = null;
  #ready = false;

  /** Whether it is there. */
  get ready() {
    return this.#ready;
  }

  begin() {
    if (this.#worker || (navigator.hardwareConcurrency ?? 1) < 2) return;
    this.#worker = new SessionWorker().start();
    // Without it the first worker does all: nothing is lost but time.
    this.#worker.ready.then(
      () => {
        this.#ready = true;
        document.body.dataset.mirror = "ready";
      },
      () => {},
    );
  }

  /** The features of the mirror image of a photograph that was opened; null where they cannot be had. */
  features({ rgb, width, height }) {
    if (!this.#ready || !rgb) return Promise.resolve(null);
    return this.#worker.call("mirrored", rgb, width, height).catch(() => null);
  }
}
