import type { ReadOptions } from "../../src/ports/log-store.ts";
import { rangeWithin } from "../../src/ports/log-values.ts";
import type { SessionLog } from "./session-log.ts";

const CHUNK_BYTES = 64 * 1024;

/**
 * Streams a range of the log that `find` finds, in chunks of at most 64 KiB, one a pull. The range
 * is fixed at once. `find` is asked again at each pull, so that a read whose log has gone meanwhile
 * fails like one that begins then. Every failure is the stream's error.
 */
export function streamOf(
  find: () => SessionLog,
  options: ReadOptions,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const { log: name = "raw", signal } = options;
  let at = 0;
  let end = 0;
  let onAbort: (() => void) | null = null;

  function release(): void {
    if (onAbort !== null) signal?.removeEventListener("abort", onAbort);
  }

  return new ReadableStream(
    {
      type: "bytes",
      start(controller) {
        try {
          signal?.throwIfAborted();
          ({ start: at, end } = rangeWithin(find().bytes[name].length, options));
        } catch (error) {
          // thrown on, it would come out of the constructor
          controller.error(error);
          return;
        }
        if (at === end) {
          controller.close();
          return;
        }
        onAbort = () => controller.error(signal?.reason);
        signal?.addEventListener("abort", onAbort, { once: true });
      },
      pull(controller) {
        try {
          const next = Math.min(at + CHUNK_BYTES, end);
          controller.enqueue(find().bytes[name].slice(at, next));
          at = next;
        } catch (error) {
          release();
          throw error;
        }
        if (at < end) return;
        release();
        controller.close();
      },
      cancel: release,
    },
    { highWaterMark: 0 },
  );
}
