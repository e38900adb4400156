// The page without a network: a service worker keeps its files, and browsers may install it.

/** Keeps the files of the page, after everything that the visitor waits for. */
export function keepOffline() {
  navigator.serviceWorker?.register("service-worker.js").then(
    async () => {
      await navigator.serviceWorker.ready;
      document.body.dataset.offline = "ready";
    },
    // Private windows and plain addresses have none: the page works without.
    () => {},
  );
}
