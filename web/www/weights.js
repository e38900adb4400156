// The network's file: streamed with progress, and cached by the browser under its digest.

/** The bytes, out of the browser's cache where they are there. */
export async function fetchWeights({ weights, bytes, sha256 }, onProgress) {
  const store = await openStore(sha256);
  const cached = await store?.match(weights);
  const response = cached ?? (await fetch(weights));
  if (!response.ok) throw new Error(`${weights}: the server answered ${response.status}`);
  const file = await read(response, bytes, onProgress);
  if (file.length !== bytes) {
    await store?.delete(weights);
    throw new Error(`${weights}: expected ${bytes} bytes, found ${file.length}`);
  }
  // A store that is full or forbidden costs the next visit a download, nothing else.
  if (store && !cached) await store.put(weights, new Response(file)).catch(() => {});
  return file;
}

/** A store for this digest alone: those of older networks are thrown away. None where the browser keeps nothing. */
async function openStore(sha256) {
  try {
    const name = `weights-${sha256}`;
    for (const other of await caches.keys()) {
      if (other.startsWith("weights-") && other !== name) await caches.delete(other);
    }
    return await caches.open(name);
  } catch {
    return null;
  }
}

async function read(response, total, onProgress) {
  const parts = [];
  let done = 0;
  const reader = response.body.getReader();
  for (;;) {
    const { value, done: ended } = await reader.read();
    if (ended) break;
    parts.push(value);
    done += value.length;
    onProgress(done, total);
  }
  const file = new Uint8Array(done);
  let at = 0;
  for (const part of parts) {
    file.set(part, at);
    at += part.length;
  }
  return file;
}
