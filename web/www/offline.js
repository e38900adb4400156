// The page without a network: a service worker keeps its files, and browsers may install it.

/**
 * Keeps the files of the page, after everything that the visitor waits for. The version is in the worker's address: a browser
 * installs a worker again only where its address or its own file is another one.
 */
export async function keepOffline() {
  if (!navigator.serviceWorker) return;
  try {
    const { digest } = await (await fetch("files.json", { cache: "no-cache" })).json();
    await navigator.serviceWorker.register(`service-worker.js?version=${digest.slice(0, 16)}`);
    await navigator.serviceWorker.ready;
    document.body.dataset.offline = "ready";
  } catch {
    // Private windows and plain addresses have none: the page works without.
  }
}
