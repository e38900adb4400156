// The page: one worker, one picture, three exhibits.

import { byId, seconds } from "./dom.js";
import { setUpGap } from "./gap.js";
import { setUpScribble } from "./scribble.js";
import { setUpSegment } from "./segment.js";
import { setUpSources } from "./sources.js";
import { setUpTabs } from "./tabs.js";
import { SessionWorker } from "./session-worker.js";

/** The longer side that pictures are segmented at. */
const LONGEST = 640;

const session = new SessionWorker(({ stage, done, total }) => {
  const bar = byId("load-bar");
  if (stage === "weights") {
    bar.value = done / total;
    byId("load-words").textContent = `Loading the network: ${(done / 1e6).toFixed(1)} of ${(total / 1e6).toFixed(1)} MB`;
  }
});

function fail(message) {
  const box = byId("error");
  box.textContent = message;
  box.hidden = false;
}

function showNotice(message) {
  const box = byId("notice");
  box.textContent = message;
  box.hidden = message === "";
}

const segment = setUpSegment(session, fail);
const scribble = setUpScribble(session, fail);
const showGap = setUpGap(session);

/** A picture that came later than one under way takes its place. */
let newest = 0;

async function open(name, bytes) {
  const own = ++newest;
  const stale = () => own !== newest;
  byId("error").hidden = true;
  showNotice("");
  document.body.dataset.state = "working";
  try {
    scribble.stop();
    const opened = await session.call("open", name, bytes, LONGEST);
    if (stale()) return;
    const [width, height] = opened.original;
    const [fullWidth, fullHeight] = opened.full;
    if (fullWidth !== width) {
      showNotice(`${name}: ${width} × ${height} pixels are more than 12 megapixels; it was made smaller, to ${fullWidth} × ${fullHeight}.`);
    }
    await segment.show(name, opened, stale);
    if (stale()) return;
    scribble.show(opened);
    // A module's memory never shrinks: tests read here the most it had.
    document.body.dataset.memory = await session.call("memory");
    document.body.dataset.state = "done";
  } catch (error) {
    if (stale()) return;
    fail(error.message);
    document.body.dataset.state = "failed";
  }
}

setUpSources(open, fail);
setUpTabs((name) => {
  if (name === "gap") session.ready.then(showGap, () => {});
});

const begin = performance.now();
try {
  await session.ready;
  byId("load-words").textContent = `Loaded in ${seconds(performance.now() - begin)}.`;
  byId("load-bar").hidden = true;
  document.body.dataset.state ??= "ready";
} catch (error) {
  byId("load").hidden = true;
  fail(error.message);
  document.body.dataset.state = "failed";
}
