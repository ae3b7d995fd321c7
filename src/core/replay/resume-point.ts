import { RunlogError } from "../../ports/errors.ts";
import type { LogStat, LogStore } from "../../ports/log-store.ts";
import type { ByteRange } from "../model/byte-range.ts";
import { type Cursor, parseCursor } from "../model/cursor.ts";
import type { CompactPosition } from "../compaction/compact-log.ts";
import { isImported, readMark } from "../legacy/scan-marks.ts";
import type { Session } from "../session/session.ts";
import type { RawLog } from "../log/raw-log.ts";

/** Why a cursor was not honoured and the log is replayed from its start. */
export type FullReplayReason =
  | "unreadable-cursor"
  | "another-log"
  | "no-compact-log"
  | "another-generation"
  | "another-view"
  | "beyond-the-end"
  | "not-at-a-line"
  | "no-such-frame"
  | "snapshot-too-large";

/**
 * A range of one generation of the compact log, by offsets in that log. It ends with a block: the
 * raw log goes on where that block ended.
 */
export interface CompactRange extends ByteRange {
  readonly generation: number;
}

/** Where a viewer begins. */
export interface ReplayStart {
  /** The log to read, or null when the session has none yet. */
  readonly logId: string | null;
  /** The range of the compact log to be read before the raw one, or null. */
  readonly compact: CompactRange | null;
  /** Where reading of the raw log begins. */
  readonly offset: number;
  /** Set when a cursor was given and could not be used. */
  readonly full: FullReplayReason | null;
  /** Whether the log was imported or may be damaged: `Session.load` makes it ready to be read. */
  readonly isImported: boolean;
}

/** How finished runs are sent: compacted, or as they were stored. */
export type HistoryView = "condensed" | "raw";

export interface ReplayOptions {
  readonly store: LogStore;
  /** The cursor of the last event that the client has, or null if it has none. */
  readonly cursor: string | null;
  readonly view: HistoryView;
}

const LF = 10;

/**
 * Where reading begins for a client that has everything up to a cursor. Asks the store, so that a
 * position that another process announced a moment ago is known. A cursor that cannot be used means
 * the whole history, never an error: a browser would retry for ever.
 */
export async function findReplayStart(
  session: Session,
  { store, cursor, view }: ReplayOptions,
): Promise<ReplayStart> {
  const { log, compact } = session;
  const stat = await session.find();
  const begin = { logId: stat?.logId ?? null, isImported: stat !== null && isImported(stat) };
  const full = async (reason: FullReplayReason | null): Promise<ReplayStart> => {
    const position = stat && view === "condensed" ? await compact.find(stat) : null;
    return {
      ...begin,
      compact: position && compactRange(position, position.start),
      offset: position?.rawEnd ?? 0,
      full: reason,
    };
  };
  if (cursor === null) return full(null);
  const parsed = parseCursor(cursor);
  if (!parsed) return full("unreadable-cursor");
  if (!stat || parsed.logId !== stat.logId) return full("another-log");
  const { offset } = parsed;
  if (parsed.log === "raw") {
    if (offset > stat.end.raw) return full("beyond-the-end");
    if (!(await isLineEnd(log, store, stat, parsed))) return full("not-at-a-line");
    return { ...begin, compact: null, offset, full: null };
  }
  if (view === "raw") return full("another-view");
  const position = await compact.find(stat);
  if (!position) return full("no-compact-log");
  if (parsed.generation !== position.generation || offset < position.start)
    return full("another-generation");
  if (offset > position.end) return full("beyond-the-end");
  if (!(await isLineEnd(log, store, stat, parsed))) return full("not-at-a-line");
  return {
    ...begin,
    compact: compactRange(position, offset),
    offset: position.rawEnd,
    full: null,
  };
}

function compactRange({ generation, end }: CompactPosition, start: number): CompactRange | null {
  return start === end ? null : { generation, start, end };
}

async function isLineEnd(
  log: RawLog,
  store: LogStore,
  stat: LogStat,
  cursor: Cursor,
): Promise<boolean> {
  const { log: name, logId, offset } = cursor;
  // the end is always that of a line (LogStat.end), so the commonest resume reads nothing
  if (offset === 0 || offset === stat.end[name]) return true;
  const range = { logId, log: name, start: offset - 1, end: offset };
  // no cursor was made of a log that has not been scanned
  if (isImported(stat) && !(await readMark(store, log.key, stat)).isDone) return false;
  for await (const before of store.read(log.key, range)) return before[0] === LF;
  throw new RunlogError("store-failed", "A read came back empty");
}
