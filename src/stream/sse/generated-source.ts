import type { ChunkSource } from "./paced-stream.ts";

/** Chunks that are made while they are sent. */
export type Chunks = AsyncGenerator<Uint8Array<ArrayBuffer>, void, undefined>;

/**
 * A source of what a generator yields: a document, within which nothing else may be sent. The signal aborts when the source
 * is closed; the generator's reads have to end by it.
 */
export function generatedSource(start: (signal: AbortSignal) => Chunks): ChunkSource {
  const abort = new AbortController();
  const chunks = start(abort.signal);
  return {
    async next() {
      return (await chunks.next()).value ?? null;
    },
    // a stopping server may end a stream at a boundary; here the only boundary is the end
    atBoundary: false,
    close() {
      // in this order: the read that a generator waits for ends by the signal alone
      abort.abort();
      chunks.return(undefined).catch(() => {
        // the read ends by the signal; its error has no receiver
      });
    },
  };
}
