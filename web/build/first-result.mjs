// The pieces of the first sample, so that the page shows a result before the network is loaded; called by `cargo xtask web`.
//
//   node first-result.mjs SCRIPT MODULE WEIGHTS PHOTOGRAPH OUT
//
// SCRIPT and MODULE are wasm-bindgen's: the same code as in the page's worker, so the same pieces.

import { readFile, writeFile } from "node:fs/promises";
import { basename } from "node:path";
import { pathToFileURL } from "node:url";

const [script, module, weights, photograph, out] = process.argv.slice(2);
/** The longer side that the page segments at. */
const LONGEST = 640;

const { default: init, WorkerSession } = await import(pathToFileURL(script));
await init({ module_or_path: await readFile(module) });
const session = new WorkerSession(new Uint8Array(await readFile(weights)));
const name = basename(photograph);
const [, , , , width, height] = session.open(name, new Uint8Array(await readFile(photograph)), LONGEST);
session.find_features(() => {});
session.find_eigenvectors("trained");
const found = session.find_segments("trained", () => {});
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
await writeFile(out, JSON.stringify({ name, width, height, count, chosen, merges, runs }));
