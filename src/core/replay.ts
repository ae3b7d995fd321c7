import { RunlogError } from "../ports/errors.ts";
import type { LogStat, LogStore } from "../ports/log-store.ts";
import { parseCursor } from "./cursor.ts";
import { isAdopted, readMark, readShown } from "./legacy/read-shown.ts";
import type { Session } from "./session.ts";
import type { SessionLog } from "./session-log.ts";

/** Why a cursor was not honoured and the log is replayed from its start. */
type FullReplayReason =
  | "unreadable-cursor"
  | "another-log"
  | "no-compact-log"
  | "beyond-the-end"
  | "not-at-a-line";

/** Where a viewer begins. */
export interface ReplayStart {
  /** The log to read, or null when the session has none yet. */
  readonly logId: string | null;
  /** Offset in the raw log. */
  readonly offset: number;
  /** Set when a cursor was given and could not be used. */
  readonly full: FullReplayReason | null;
  /** Whether the log began its life elsewhere: `Session.load` makes it ready to be read. */
  readonly isAdopted: boolean;
}

const LF = 10;

/**
 * Where reading begins for a client that has seen everything up to `cursor`. The store is asked
 * anew, so a position that another process announced a moment ago is not called foreign. A cursor
 * that cannot be used means the whole log, never an error: a browser would retry for ever.
 */
export async function findReplayStart(
  session: Session,
  store: LogStore,
  cursor: string | null,
): Promise<ReplayStart> {
  const { log } = session;
  const stat = await session.find();
  const begin = {
    logId: stat?.logId ?? null,
    offset: 0,
    full: null,
    isAdopted: stat !== null && isAdopted(stat),
  };
  const full = (reason: FullReplayReason): ReplayStart => ({ ...begin, full: reason });
  if (cursor === null) return begin;
  const parsed = parseCursor(cursor);
  if (!parsed) return full("unreadable-cursor");
  if (!stat || parsed.logId !== stat.logId) return full("another-log");
  if (parsed.log === "compact") return full("no-compact-log");
  if (parsed.offset > stat.end.raw) return full("beyond-the-end");
  if (!(await isLineEnd(log, store, stat, parsed.offset))) return full("not-at-a-line");
  return { ...begin, offset: parsed.offset };
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
  // nobody has a cursor of a log that was not looked through
  if (isAdopted(stat) && !(await readMark(store, log.key, stat)).isDone) return false;
  const bytes = await readShown(store, log.key, { logId, start: offset - 1, end: offset });
  const reader = bytes.getReader();
  try {
    const { value } = await reader.read();
    if (value?.length !== 1) throw new RunlogError("store-failed", "A read came back empty");
    return value[0] === LF;
  } finally {
    await reader.cancel();
  }
}
