// The worker, as functions that answer with promises. All computation is behind it: the page never waits.

/** What a call about a photograph is refused with, once the worker has opened another one. */
export class Superseded extends Error {}

/** A worker that was asked, and answers in order. */
export class SessionWorker {
  #worker = null;
  #queued = [];
  #waiting = new Map();
  #next = 1;

  /** `ready` is kept when the worker has loaded everything, after `start`. */
  constructor() {
    this.ready = new Promise((resolve, reject) => {
      this.#waiting.set(0, { resolve, reject });
    });
    this.ready.catch(() => {});
  }

  /** Loads module and network; calls that came before are made then. `onProgress` takes { stage, done, total }, and of a photograph its scene. */
  start(onProgress = () => {}) {
    this.#worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
    this.#worker.addEventListener("message", ({ data }) => {
      if (data.progress) {
        onProgress(data.progress);
        return;
      }
      const { resolve, reject } = this.#waiting.get(data.id);
      this.#waiting.delete(data.id);
      if (data.superseded) reject(new Superseded());
      else if (data.error === undefined) resolve(data.value);
      else reject(new Error(data.error));
    });
    this.#worker.addEventListener("error", (event) => {
      const error = new Error(event.message || "the worker could not be started");
      for (const { reject } of this.#waiting.values()) reject(error);
      this.#waiting.clear();
    });
    for (const message of this.#queued.splice(0)) this.#worker.postMessage(message);
    return this;
  }

  /** Calls a function of the worker by its name. */
  call(name, ...values) {
    return this.#post({ name, values });
  }

  /** The same, about the photograph of this number and no other. */
  about(scene, name, ...values) {
    return this.#post({ scene, name, values });
  }

  #post(message) {
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      if (this.#worker) this.#worker.postMessage({ id, ...message });
      else this.#queued.push({ id, ...message });
    });
  }
}

/** Of calls that come faster than they are answered, the last one alone is made. */
export function latest(call) {
  let running = false;
  let wanted = null;
  return async (...values) => {
    wanted = values;
    if (running) return;
    running = true;
    try {
      while (wanted) {
        const now = wanted;
        wanted = null;
        await call(...now);
      }
    } finally {
      running = false;
    }
  };
}
