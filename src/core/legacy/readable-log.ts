import { RunlogError } from "../../ports/errors.ts";
import type { LogReader, LogStat, ReadOptions, SessionKey } from "../../ports/log-store.ts";
import { OverlayReader, readRecords } from "./overlay-reader.ts";
import { markOf, RECORD_BYTES, type ScanMark } from "../../ports/edits.ts";

/** Records read at once in search of a mark, where the last one is none: 64 KiB. */
const STEP_RECORDS = 1_600;
/** Bytes read at once for a reader who brings no buffer. */
const READ_BYTES = 64 * 1024;

/**
 * Reads a log as clients may see it: with the overlay of an imported or a damaged raw log applied.
 * Otherwise as `LogStore.read`, down to the number of bytes. Raw logs are read for others by
 * nothing else. An imported log must have been scanned (`Session.load`).
 */
export async function readWithOverlay(
  store: Pick<LogReader, "stat" | "read">,
  key: SessionKey,
  range: ReadOptions,
): Promise<ReadableStream<Uint8Array<ArrayBuffer>>> {
  if (range.log !== undefined && range.log !== "raw") return store.read(key, range);
  const stat = await store.stat(key);
  // the read itself reports whatever is wrong with the log
  if (stat?.logId !== range.logId || !isImported(stat)) return store.read(key, range);
  const mark = await readMark(store, key, stat);
  if (!mark.isDone) throw new RunlogError("internal", "An old log is read before its time");
  const { start = 0, end = stat.end.raw, signal } = range;
  if (start >= mark.offset) return store.read(key, range);
  const edits = await OverlayReader.open(store, key, {
    logId: stat.logId,
    edits: stat.end.edits,
    start,
    ...(signal && { signal }),
  });
  const raw = store.read(key, { ...range, end }).getReader({ mode: "byob" });
  return editedStream(raw, edits, { start, end });
}

/**
 * Whether the log has an overlay: it was imported, or was open when its machine went down. Its
 * edits log then has at least one mark.
 */
export function isImported(stat: LogStat): boolean {
  return stat.end.edits > 0;
}

/** A log as its readers may see it. */
export interface ReadableLog {
  readonly stat: LogStat;
  /** Where the first visible event begins. */
  readonly from: number;
  /** Malformed lines that are left out of an imported or a damaged log; null for any other. */
  readonly skippedLines: number | null;
}

/**
 * The log for callers that only read the store. Throws `log-not-adoptable` for an imported log that
 * its server has not scanned yet.
 */
export async function openReadableLog(
  store: Pick<LogReader, "read">,
  key: SessionKey,
  stat: LogStat,
): Promise<ReadableLog> {
  if (!isImported(stat)) return { stat, from: 0, skippedLines: null };
  const { isDone, visibleFrom, skippedLines } = await readMark(store, key, stat);
  if (isDone) return { stat, from: visibleFrom, skippedLines };
  throw new RunlogError(
    "log-not-adoptable",
    "The log has to be shown once by its server first: ask it for the session's events",
  );
}

/**
 * How far an imported log has been scanned, by the last mark. Edits after it belong to a write that
 * a kill has cut short; they are written again, and an edit that is applied twice changes nothing.
 */
export async function readMark(
  store: Pick<LogReader, "read">,
  key: SessionKey,
  { logId, end }: LogStat,
): Promise<ScanMark> {
  let records = 1;
  for (let to = end.edits; to > 0; records = STEP_RECORDS) {
    const start = Math.max(0, to - records * RECORD_BYTES);
    const found = await readRecords(store, key, { logId, start, end: to });
    for (let at = found.length - RECORD_BYTES; at >= 0; at -= RECORD_BYTES) {
      const mark = markOf(found, at);
      if (mark) return mark;
    }
    to = start;
  }
  throw new RunlogError("store-failed", "The edits of a log have no mark");
}

function editedStream(
  raw: ReadableStreamBYOBReader,
  edits: OverlayReader,
  { start, end }: { readonly start: number; readonly end: number },
): ReadableStream<Uint8Array<ArrayBuffer>> {
  let position = start;

  async function pull(controller: ReadableByteStreamController): Promise<void> {
    const request = controller.byobRequest;
    // the reader's own memory goes down to the store and comes back filled
    const given = viewOf(request) ?? new Uint8Array(READ_BYTES);
    const { value, done } = await raw.read(given);
    if (done) throw new RunlogError("store-failed", "A read came back short");
    await edits.apply(value, position);
    position += value.length;
    if (request) request.respondWithNewView(value);
    else controller.enqueue(value);
    if (position < end) return;
    controller.close();
    await edits.cancel();
  }

  return new ReadableStream(
    {
      type: "bytes",
      start(controller) {
        if (position === end) controller.close();
      },
      pull,
      async cancel(reason) {
        await Promise.all([raw.cancel(reason), edits.cancel()]);
      },
    },
    { highWaterMark: 0 },
  );
}

function viewOf(request: ReadableStreamBYOBRequest | null): Uint8Array<ArrayBuffer> | null {
  const view = request?.view;
  return view ? new Uint8Array(view.buffer, view.byteOffset, view.byteLength) : null;
}
