// The page: one worker, one picture, three exhibits.

import { onAddress, readAddress, writeAddress } from "./address.js";
import { byId, seconds } from "./dom.js";
import { setUpGap } from "./gap.js";
import { Mirror } from "./mirror.js";
import { keepOffline } from "./offline.js";
import { asPng, smaller } from "./other-formats.js";
import { setUpScribble } from "./scribble.js";
import { setUpSegment } from "./segment.js";
import { SAMPLES, setUpSources } from "./sources.js";
import { setUpStory } from "./story.js";
import { firstResult } from "./stored.js";
import { setUpTabs } from "./tabs.js";
import { SessionWorker, Superseded } from "./session-worker.js";

/** The longer side that pictures are segmented at. */
const LONGEST = 640;

const session = new SessionWorker();

function showProgress(progress) {
  const { stage, done, total } = progress;
  if (stage !== "weights") {
    segment.progress(progress);
    return;
  }
  byId("load-bar").value = done / total;
  byId("load-words").textContent = `Loading the network: ${(done / 1e6).toFixed(1)} of ${(total / 1e6).toFixed(1)} MB`;
}

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

const mirror = new Mirror();
/** The sample on which learned and random last layers differ most: web/README.md; as in before-after.json. */
const MOST_CHANGED = "chelsea.jpg";
const showMost = async () => {
  showTab("segment", true);
  scrollTo({ top: 0 });
  if (shownSample !== MOST_CHANGED) await openSample(MOST_CHANGED);
  await segment.compare();
};
const segment = setUpSegment(session, mirror, showMost, fail);
const scribble = setUpScribble(session, fail, async (use) => {
  if (use) showTab("segment", true);
  await segment.takeTaught(use);
});
const showGap = setUpGap(session);
const showStory = setUpStory(session, showMost, (tab) => {
  showTab(tab, true);
  scrollTo({ top: 0 });
});

/** The last picture that was asked for, and the sample that is shown, null for a visitor's own picture. */
let newest = 0;
let shownSample = null;

/** A picture opened by the worker, made smaller by the browser where it is too large for it; its size before and after. */
async function opening(name, bytes) {
  const open = async (bytes) => session.call("open", name, bytes, LONGEST, mirror.ready);
  const opened = await open((await asPng(bytes)) ?? bytes);
  if (opened) return { opened, from: opened.original, to: opened.full };
  const made = await smaller(bytes);
  const again = made && (await open(made.png));
  if (!again) throw new Error(`${name}: expected a picture of fifty megapixels or fewer, found a larger one that this browser cannot make smaller.`);
  return { opened: again, from: made.from, to: again.full };
}

/** `byVisitor`: whether the address changes with it. A file that cannot be opened leaves the picture before as it was. */
async function open(name, bytes, sample, byVisitor = true) {
  const own = ++newest;
  byId("error").hidden = true;
  showNotice("");
  document.body.dataset.state = "working";
  try {
    const { opened, from, to } = await opening(name, bytes);
    if (from[0] !== to[0]) {
      showNotice(`${name}: ${from[0]} × ${from[1]} pixels are more than 12 megapixels; it was made smaller, to ${to[0]} × ${to[1]}.`);
    }
    shownSample = sample;
    if (byVisitor) writeAddress({ sample, segments: null }, true);
    scribble.show(opened);
    const { segments } = readAddress();
    await segment.show(name, opened, segments === null ? null : Number(segments));
    // A module's memory never shrinks: tests read here the most it had.
    document.body.dataset.memory = await session.call("memory");
    mirror.begin();
    document.body.dataset.state = "done";
  } catch (error) {
    if (error instanceof Superseded || own !== newest) return;
    fail(error.message);
    document.body.dataset.state = "failed";
  }
}

const openSample = setUpSources(open, fail);
const showTab = setUpTabs((name, byVisitor) => {
  if (byVisitor) writeAddress({ tab: name === "segment" ? null : name }, true);
  if (name === "gap") session.ready.then(showGap, () => {});
  if (name === "story") session.ready.then(showStory, () => {});
});

const known = (name) => SAMPLES.some(([file]) => file === name);
const follow = (address) => {
  showTab(address.tab);
  segment.follow(address);
  const sample = known(address.sample) ? address.sample : null;
  if (sample !== null && sample !== shownSample) openSample(sample, false);
};
onAddress(follow);

const begin = performance.now();
const address = readAddress();
follow({ ...address, sample: null });
const first = known(address.sample) ? address.sample : SAMPLES[0][0];
// On a slow line the stored result comes long before the network: nothing competes with it.
const stored = await firstResult(first);
session.start(showProgress);
if (stored && newest === 0) {
  segment.showStored(first, stored.photograph, stored.pieces, address.segments === null ? null : Number(address.segments));
  document.body.dataset.state ??= "stored";
}
try {
  await session.ready;
  byId("load-words").textContent = `Loaded in ${seconds(performance.now() - begin)}.`;
  byId("load").hidden = true;
  // A picture that the visitor chose meanwhile goes first.
  if (newest === 0) await openSample(first, false);
  keepOffline();
} catch (error) {
  byId("load").hidden = true;
  fail(error.message);
  document.body.dataset.state = "failed";
}
