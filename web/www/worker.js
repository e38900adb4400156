// The half of the page that computes: the module, its weights, and one photograph.

import init, { ToyPicture, WorkerSession, closing_gap, turning, vector_and_projector } from "./web.js";
import { fetchWeights } from "./weights.js";

let session;
let toy;
/** The number of the open photograph. */
let scene = 0;

function rgba(picture) {
  const { width, height } = picture;
  return { width, height, data: picture.into_rgba() };
}

/** The answer of `work`, and the milliseconds it took. */
function timed(work) {
  const begin = performance.now();
  const value = work();
  return { value, ms: performance.now() - begin };
}

/** Reports each step of a stage of the open photograph. */
function reporting(stage) {
  return (done, total) => self.postMessage({ progress: { stage, scene, done, total } });
}

const calls = {
  /** Null for a picture that is too large. `pixels`: whether another worker is to look at the mirror image. */
  open(name, bytes, longest, pixels) {
    const { value, ms } = timed(() => session.open(name, new Uint8Array(bytes), longest));
    if (value.length === 0) return null;
    const [ow, oh, fw, fh, width, height] = value;
    scene += 1;
    return { ms, scene, original: [ow, oh], full: [fw, fh], width, height, photograph: rgba(session.photograph()), rgb: pixels ? session.working_rgb() : null };
  },
  mirrored(rgb, width, height) {
    const maps = session.mirrored_features(rgb, width, height);
    const found = { size: [...maps.size()], values: maps.values() };
    maps.free();
    return found;
  },
  takeMirrored({ size, values }) {
    session.take_mirrored(Uint32Array.from(size), values);
  },
  features() {
    const { ms } = timed(() => session.find_features(reporting("features")));
    return { ms };
  },
  eigenvectors(head) {
    const { value, ms } = timed(() => session.find_eigenvectors(head));
    const [columns, rows] = session.grid(head);
    return { ms, eigenvalues: value, columns, rows };
  },
  eigenvector(head, index) {
    return rgba(session.eigenvector(head, index));
  },
  embedding(head) {
    return session.embedding(head);
  },
  likeness(head, column, row) {
    const { value, ms } = timed(() => session.likeness(head, column, row));
    return { ms, least: value.least, ...rgba(value.into_picture()) };
  },
  segments(head) {
    const { value, ms } = timed(() => session.find_segments(head, reporting("segments")));
    const { count, chosen } = value;
    return { ms, count, chosen, merges: value.merges(), ids: value.into_ids() };
  },
  paint(head, k, style, full) {
    return rgba(session.paint(head, k, style, full));
  },
  cutOut(head, pieces) {
    return rgba(session.cut_out(head, pieces));
  },
  file(head, k, pieces, form) {
    return session.file(head, k, pieces, form);
  },
  beginTraining(strokes, from, rate) {
    const [marked, labels] = session.begin_training(strokes, from, rate);
    return { marked, labels };
  },
  train() {
    const { value, ms } = timed(() => session.train());
    const [loss, similarityRank, targetRank, gradientNorm] = value;
    return { ms, loss, similarityRank, targetRank, gradientNorm };
  },
  keepTaught() {
    session.keep_taught();
  },
  taughtFile() {
    return session.taught_file();
  },
  loadTaught(name, bytes) {
    session.load_taught(name, new Uint8Array(bytes));
  },
  scribbledLabels() {
    return session.scribbled_labels();
  },
  closingGap(gap) {
    const [through, differences, truth, throughError, differencesError, factor] = closing_gap(gap);
    return { gap, through, differences, truth, throughError, differencesError, factor };
  },
  toy(levels, width, nearness) {
    toy?.free();
    toy = new ToyPicture(levels, width, nearness);
    return { length: toy.feature_length, features: toy.features(), values: toy.eigenvalues(), swings: toy.swings() };
  },
  /** The costs of cutting after each cell of an order. */
  toyCuts(order) {
    const marked = new Uint8Array(order.length);
    return Float64Array.from(order, (cell) => {
      marked[cell] = 1;
      return toy.normalised_cut(marked);
    });
  },
  vectorAndProjector(gap, t) {
    return vector_and_projector(gap, t);
  },
  turning(gap, times) {
    return turning(gap, times);
  },
  memory() {
    return memory.buffer.byteLength;
  },
};

/** The buffers of an answer, which move instead of being copied. */
function buffers(value, found = []) {
  if (ArrayBuffer.isView(value)) found.push(value.buffer);
  else if (value && typeof value === "object") for (const part of Object.values(value)) buffers(part, found);
  return found;
}

function answer(id, work) {
  try {
    const value = work();
    self.postMessage({ id, value }, buffers(value));
  } catch (error) {
    self.postMessage({ id, error: error.message ?? String(error) });
  }
}

let memory;

async function start() {
  const report = (stage, done, total) => self.postMessage({ progress: { stage, done, total } });
  report("program", 0, 0);
  const bundle = await (await fetch("bundle.json", { cache: "no-cache" })).json();
  const weights = fetchWeights(bundle, (done, total) => report("weights", done, total));
  ({ memory } = await init({ module_or_path: new URL("web_bg.wasm", import.meta.url) }));
  session = new WorkerSession(await weights);
  return bundle;
}

const started = start();
started.then(
  (bundle) => self.postMessage({ id: 0, value: bundle }),
  (error) => self.postMessage({ id: 0, error: `The program could not be loaded: ${error.message}` }),
);

self.addEventListener("message", async ({ data: { id, scene: wanted, name, values } }) => {
  try {
    await started;
  } catch (error) {
    self.postMessage({ id, error: `The program could not be loaded: ${error.message}` });
    return;
  }
  if (wanted !== undefined && wanted !== scene) self.postMessage({ id, superseded: true });
  else answer(id, () => calls[name](...values));
});
