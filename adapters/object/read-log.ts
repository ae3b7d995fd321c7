import { hasCode, RunlogError } from "../../src/ports/errors.ts";
import type { ReadOptions } from "../../src/ports/log-store.ts";
import type { BucketAccess } from "./log-end.ts";
import { SegmentReader } from "./segment-reader.ts";

export interface ReadLogOptions {
  readonly access: BucketAccess;
  readonly range: ReadOptions;
  /** The key folder of the log. */
  readonly folder: string;
  /** Where the log ends now; rejects with `log-not-found` unless it is there. */
  readonly findEnd: () => Promise<number>;
  /** Throws `store-closed` once the store is closed. */
  readonly assertOpen: () => void;
}

const MAX_CHUNK = 256 * 1024;

/**
 * The bytes of a log as a pull-driven byte stream. What a reader that stops leaves open is one body,
 * and those of the next few segments, each held back by its connection.
 */
export function readLog(options: ReadLogOptions): ReadableStream<Uint8Array<ArrayBuffer>> {
  const { access, assertOpen, folder, range, findEnd } = options;
  const { signal, start = 0 } = range;
  let segments: SegmentReader | null = null;

  async function begin(): Promise<SegmentReader> {
    const end = await findEnd();
    const to = range.end ?? end;
    const isRange = Number.isSafeInteger(start) && Number.isSafeInteger(to);
    if (!isRange || start < 0 || start > to || to > end)
      throw new RunlogError("log-range", "The range lies outside the log");
    return new SegmentReader({ access, folder, start, end: to, signal });
  }

  async function pull(controller: ReadableByteStreamController): Promise<void> {
    try {
      signal?.throwIfAborted();
      assertOpen();
      segments ??= await begin();
      const request = controller.byobRequest;
      const view = request?.view;
      const chunk = await segments.read(Math.min(view?.byteLength ?? MAX_CHUNK, MAX_CHUNK));
      signal?.throwIfAborted();
      if (chunk === null) {
        controller.close();
        request?.respond(0);
        return;
      }
      if (request && view) {
        new Uint8Array(view.buffer, view.byteOffset).set(chunk);
        request.respond(chunk.length);
      } else {
        // a chunk belongs to its reader, and what came from the network may be a part of a larger buffer
        controller.enqueue(chunk.slice());
      }
      if (segments.isDone) controller.close();
    } catch (error) {
      segments?.close();
      throw signal?.aborted ? signal.reason : translated(error);
    }
  }

  return new ReadableStream(
    { type: "bytes", pull, cancel: () => segments?.close() },
    { highWaterMark: 0 },
  );
}

function translated(error: unknown): unknown {
  // a read has no doubtful outcome: it can be tried again
  if (!hasCode(error, "store-unanswered")) return error;
  return new RunlogError("store-busy", error.message, { cause: error });
}
