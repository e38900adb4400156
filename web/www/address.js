// What the address says, so that Back, a bookmark and a link lead where they promise: the tab, the sample, the slider, the style.

const NAMES = ["tab", "sample", "segments", "draw"];

/** What the address says now; nothing of a name is null. */
export function readAddress() {
  const words = location.hash.slice(1);
  // An exhibit alone, as in older links.
  if (/^[a-z]+$/.test(words)) return { tab: words, sample: null, segments: null, draw: null };
  const found = new URLSearchParams(words);
  return Object.fromEntries(NAMES.map((name) => [name, found.get(name)]));
}

/** Changes some of it, null taking a name out: a step that Back returns from, or in place. */
export function writeAddress(changes, step) {
  const wanted = { ...readAddress(), ...changes };
  const words = new URLSearchParams(Object.entries(wanted).filter(([, value]) => value !== null));
  const hash = `#${words}`;
  if (hash === location.hash) return;
  history[step ? "pushState" : "replaceState"](null, "", hash);
}

/** Calls `follow` when the visitor goes back or forward, or edits the address. */
export function onAddress(follow) {
  addEventListener("popstate", () => follow(readAddress()));
}
