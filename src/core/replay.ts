import { RunlogError } from "../ports/errors.ts";
import type { LogStat, LogStore } from "../ports/log-store.ts";
import { parseCursor } from "./cursor.ts";
import type { SessionLog } from "./session-log.ts";

/** Why a cursor was not honoured and the log is replayed from its start. */
type FullReplayReason =
  | "unreadable-cursor"
  | "another-log"
  | "no-compact-log"
  | "beyond-the-end"
  | "not-at-a-line"
  | "snapshot-too-large";

/** What is read of one generation of the compact log, by offsets in that log. */
export interface CompactRange {
  readonly generation: number;
  readonly start: number;
  /** Behind a block: the raw log goes on where that block ended. */
  readonly end: number;
}

/** Where a viewer begins. */
export interface ReplayStart {
  /** The log to read, or null when the session has none yet. */
  readonly logId: string | null;
  /** What to read of the compact log before the raw one, or null. */
  readonly compact: CompactRange | null;
  /** Where reading the raw log begins. */
  readonly offset: number;
  /** Set when a cursor was given and could not be used. */
  readonly full: FullReplayReason | null;
}

const LF = 10;

/**
 * Where reading begins for a client that has seen everything up to `cursor`. The store is asked
 * anew, so a position that another process announced a moment ago is not called foreign. A cursor
 * that cannot be used means the whole log, never an error: a browser would retry for ever.
 */
export async function findReplayStart(
  log: SessionLog,
  store: LogStore,
  cursor: string | null,
): Promise<ReplayStart> {
  const stat = await log.refresh();
  if (cursor === null) return { logId: stat?.logId ?? null, compact: null, offset: 0, full: null };
  const full = (reason: FullReplayReason): ReplayStart => ({
    logId: stat?.logId ?? null,
    compact: null,
    offset: 0,
    full: reason,
  });
  const parsed = parseCursor(cursor);
  if (!parsed) return full("unreadable-cursor");
  if (!stat || parsed.logId !== stat.logId) return full("another-log");
  if (parsed.log === "compact") return full("no-compact-log");
  if (parsed.offset > stat.end.raw) return full("beyond-the-end");
  if (!(await isLineEnd(log, store, stat, parsed.offset))) return full("not-at-a-line");
  return { logId: stat.logId, compact: null, offset: parsed.offset, full: null };
}

async function isLineEnd(
  log: SessionLog,
  store: LogStore,
  stat: LogStat,
  offset: number,
): Promise<boolean> {
  // the end is always that of a line (LogStat.end), so the commonest resume reads nothing
  if (offset === 0 || offset === stat.end.raw) return true;
  const { logId } = stat;
  const reader = store.read(log.key, { logId, start: offset - 1, end: offset }).getReader();
  try {
    const { value } = await reader.read();
    if (value?.length !== 1) throw new RunlogError("store-failed", "A read came back empty");
    return value[0] === LF;
  } finally {
    await reader.cancel();
  }
}
