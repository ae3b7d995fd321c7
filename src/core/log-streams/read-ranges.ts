import type { SharedReads } from "../replay/log-follower.ts";
import type { ByteRange } from "../model/byte-range.ts";
import type { StreamedLog } from "./stream-reader.ts";

export interface ReadRangesOptions {
  readonly reads: SharedReads;
  readonly signal: AbortSignal;
}

/**
 * The bytes of ranges of a log, in pieces as large as the memory of all viewers allows. A piece is
 * its reader's own to change.
 */
export async function* readRanges(
  { store, key, logId }: StreamedLog,
  ranges: readonly ByteRange[],
  { reads, signal }: ReadRangesOptions,
): AsyncGenerator<Uint8Array<ArrayBuffer>, void, undefined> {
  const held = reads.bytes.share();
  try {
    for (const { start, end } of ranges) {
      const reader = store.read(key, { logId, start, end, signal }).getReader({ mode: "byob" });
      try {
        for (;;) {
          const { value, done } = await reads.turns.run(() => {
            const size = reads.bytes.nextBytes;
            // memory for the bytes that are read, and as much for what is made of them
            held.hold(2 * size);
            // another buffer each time: the one before may still be on its way to the socket
            return reader.read(new Uint8Array(size));
          });
          if (done) break;
          yield value;
        }
      } finally {
        await reader.cancel().catch(() => {
          // the read ends by the signal; its error has no receiver
        });
      }
    }
  } finally {
    held.release();
  }
}
