import type { ChunkSource } from "./paced-stream.ts";

export interface OpeningSourceOptions {
  /** Sent at once. */
  readonly first: Uint8Array<ArrayBuffer>;
  /**
   * Opens the source that follows. The signal aborts when it is not wanted any more; a source that
   * opens after that is closed.
   */
  readonly open: (signal: AbortSignal) => Promise<ChunkSource>;
  /** Called when the source is closed, whether it was opened or not. */
  readonly onClosed: () => void;
}

/** A source that takes a while to open. */
export function openingSource({ first, open, onClosed }: OpeningSourceOptions): ChunkSource {
  const abort = new AbortController();
  let hasBegun = false;
  let opened: ChunkSource | null = null;

  async function begin(): Promise<ChunkSource> {
    const source = await open(abort.signal);
    if (abort.signal.aborted) source.close();
    else opened = source;
    return source;
  }

  return {
    async next() {
      if (!hasBegun) {
        hasBegun = true;
        return first;
      }
      const source = opened ?? (await begin());
      return abort.signal.aborted ? null : source.next();
    },
    get atBoundary() {
      return opened?.atBoundary ?? true;
    },
    close() {
      abort.abort();
      opened?.close();
      onClosed();
    },
  };
}
