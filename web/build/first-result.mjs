// Results that the page shows before its network is loaded; called by `cargo xtask web`.
//
//   node first-result.mjs SCRIPT MODULE WEIGHTS FIRST COMPARED OUT
//
// SCRIPT and MODULE are wasm-bindgen's: the same code as in the page's worker, so the same pieces. Into the folder OUT go
// first.json, the pieces of the photograph FIRST, and before-after.json, those of COMPARED with two ways to merge them: by
// learned last layers and by untrained ones.

import { readFile, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { pathToFileURL } from "node:url";

const [script, module, weights, first, compared, out] = process.argv.slice(2);
/** The longer side that the page segments at. */
const LONGEST = 640;

const { default: init, WorkerSession } = await import(pathToFileURL(script));
await init({ module_or_path: await readFile(module) });
const session = new WorkerSession(new Uint8Array(await readFile(weights)));

/** Opens a photograph and finds its features. */
async function opened(photograph) {
  const name = basename(photograph);
  const [, , , , width, height] = session.open(name, new Uint8Array(await readFile(photograph)), LONGEST);
  session.find_features(() => {});
  return { name, width, height };
}

/** The pieces of the open photograph as lengths of runs (piece, length, piece, length, …), and how they merge. */
function pieces(head) {
  session.find_eigenvectors(head);
  const found = session.find_segments(head, () => {});
  const { count, chosen } = found;
  const merges = [...found.merges()];
  const ids = found.into_ids();
  const runs = [];
  for (let begin = 0; begin < ids.length; ) {
    let end = begin + 1;
    while (end < ids.length && ids[end] === ids[begin]) end += 1;
    runs.push(ids[begin], end - begin);
    begin = end;
  }
  return { count, chosen, merges, runs };
}

const write = (name, value) => writeFile(join(out, name), JSON.stringify(value));
await write("first.json", { ...(await opened(first)), ...pieces("trained") });

const photograph = await opened(compared);
const [trained, untrained] = [pieces("trained"), pieces("untrained")];
if (`${trained.runs}` !== `${untrained.runs}`) throw new Error(`${compared}: expected the same pieces by both, found others`);
await write("before-after.json", { ...photograph, count: trained.count, runs: trained.runs, trained: trained.merges, untrained: untrained.merges });
