// Keeps the files of the page, so that it opens without a network. `files.json` lists them with a digest of them all, which
// offline.js puts into this worker's address; samples are kept once they were looked at.
//
// The network comes first: a visitor never sees an older page than the server has. What it does not answer in time, or not
// at all, is taken from the store. The weights keep themselves, under their digest: weights.js.

const PREFIX = "page-";
/** How long a server may take before the stored file is given, in milliseconds. */
const PATIENCE = 4000;

async function listing() {
  const response = await fetch("files.json", { cache: "no-cache" });
  if (!response.ok) throw new Error(`files.json: the server answered ${response.status}`);
  return response;
}

self.addEventListener("install", (event) => {
  const install = async () => {
    const list = await listing();
    const { digest, files } = await list.clone().json();
    const name = `${PREFIX}${digest}`;
    // A page that was taken back has a store from before: opened again, it would not be the newest.
    await caches.delete(name);
    const store = await caches.open(name);
    // Not out of the browser's own cache, where files of the version before may be.
    await store.addAll(files.map((file) => new Request(file, { cache: "no-cache" })));
    await store.put("files.json", list);
    await self.skipWaiting();
  };
  event.waitUntil(install());
});

self.addEventListener("activate", (event) => {
  const activate = async () => {
    const names = (await caches.keys()).filter((name) => name.startsWith(PREFIX));
    // The newest store is the last that was opened.
    for (const name of names.slice(0, -1)) await caches.delete(name);
    await self.clients.claim();
  };
  event.waitUntil(activate());
});

const stored = async (request) => {
  const path = new URL(request.url);
  const found = await caches.match(path.pathname.endsWith("/") ? new URL("index.html", path) : request, { ignoreSearch: true });
  return found ?? Response.error();
};

async function keep(request, response) {
  const newest = (await caches.keys()).filter((name) => name.startsWith(PREFIX)).at(-1);
  if (newest) await (await caches.open(newest)).put(request, response);
}

async function answer(request) {
  const late = new Promise((resolve) => setTimeout(resolve, PATIENCE));
  const network = fetch(request);
  try {
    const first = await Promise.race([network, late]);
    if (first?.ok) {
      if (request.url.includes("/samples/")) await keep(request, first.clone());
      return first;
    }
    const kept = await stored(request);
    return kept.type === "error" ? await network : kept;
  } catch {
    return stored(request);
  }
}

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const own = request.method === "GET" && new URL(request.url).origin === location.origin;
  if (own && !request.url.endsWith(".safetensors")) event.respondWith(answer(request));
});
