import { hasCode, RunlogError } from "../../src/ports/errors.ts";
import { rangeWithin } from "../../src/ports/log-values.ts";
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
  const { signal } = range;
  let segments: SegmentReader | null = null;
  /** Rejects unless the log has the range; before that nothing is handed out. */
  let checked: Promise<void> = Promise.resolve();

  function reader(within: Required<Pick<ReadOptions, "start" | "end">>): SegmentReader {
    return new SegmentReader({ access, folder, ...within, signal });
  }

  /**
   * A viewer that was told of an event asks for what one append has put: the object is there if, and only if, the log
   * has it. For every other range the log's end is asked for, while the segments are.
   */
  async function begin(): Promise<SegmentReader> {
    const { start = 0, end } = range;
    if (end === undefined || !isOrdered(start, end))
      return reader(rangeWithin(await findEnd(), range));
    const within = reader({ start, end });
    if (await within.isOneAppend()) return within;
    checked = findEnd().then((size) => void rangeWithin(size, range));
    checked.catch(() => {
      // reported with the first bytes
    });
    return within;
  }

  async function pull(controller: ReadableByteStreamController): Promise<void> {
    try {
      signal?.throwIfAborted();
      assertOpen();
      segments ??= await begin();
      const request = controller.byobRequest;
      const view = request?.view;
      const reading = segments.read(Math.min(view?.byteLength ?? MAX_CHUNK, MAX_CHUNK));
      reading.catch(() => {
        // what is wrong with the range says more
      });
      await checked;
      const chunk = await reading;
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

function isOrdered(start: number, end: number): boolean {
  return Number.isSafeInteger(start) && Number.isSafeInteger(end) && start >= 0 && start <= end;
}

function translated(error: unknown): unknown {
  // a read has no doubtful outcome: it can be tried again
  if (!hasCode(error, "store-unanswered")) return error;
  return new RunlogError("store-busy", error.message, { cause: error });
}
