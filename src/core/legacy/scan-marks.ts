import { RunlogError } from "../../ports/errors.ts";
import type { LogReader, LogStat, SessionKey } from "../../ports/log-store.ts";
import { isRecord, markOf, RECORD_BYTES, type ScanMark } from "../../ports/edits.ts";
import type { ReadableLog } from "../log/readable-log.ts";
import { readRecords } from "./overlay-reader.ts";

/** Records read at once in search of a mark, where the last one is none: 64 KiB. */
const STEP_RECORDS = 1_600;

/**
 * Whether the log has an overlay: it was imported, or was open when its machine went down. Its
 * edits log then has at least one mark.
 */
export function isImported(stat: LogStat): boolean {
  return stat.end.edits > 0;
}

/** Whether the edits log is an overlay: to the store it is a log like any other. */
export async function hasOverlay(
  store: Pick<LogReader, "read">,
  key: SessionKey,
  { logId, end: { edits } }: LogStat,
): Promise<boolean> {
  const start = edits - RECORD_BYTES;
  return start >= 0 && isRecord(await readRecords(store, key, { logId, start, end: edits }), 0);
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
