import type { Clock } from "../../ports/clock.ts";
import type { ScanMark } from "../../ports/edits.ts";
import type { LogStat, LogStore } from "../../ports/log-store.ts";
import { factsOfLine, runError, runStarted } from "../event.ts";
import { RESTARTED } from "../run-ends.ts";
import { encodeHead, type SessionHead } from "../session-head.ts";
import type { SessionLog } from "../session-log.ts";
import { EMPTY_STATE, foldEvent, type SessionState } from "../session-state.ts";
import { OldLogScan } from "./old-log-scan.ts";

export interface LookThroughOptions {
  readonly store: LogStore;
  readonly log: SessionLog;
  readonly stat: LogStat;
  /** How far an earlier look came. */
  readonly mark: ScanMark;
  /** What the log's head says. */
  readonly head: SessionHead;
  readonly clock: Clock;
}

export interface LookedThrough {
  readonly state: SessionState;
  readonly mark: ScanMark;
}

/** Edits are stored in pieces of this size; a look that is broken off goes on behind the last. */
const STORE_BYTES = 1024 * 1024;
/** How often that is at least, in bytes of the raw log. */
const STORE_EVERY_BYTES = 64 * 1024 * 1024;

/**
 * Looks through a log once: stores what its readers have to leave out or change, ends the runs
 * that it left open, and stores its head. The mark that it is done comes last, so that after a crash
 * the look goes on and nothing happens twice. Throws what the store throws.
 *
 * A log of our own is read from where its head stands, if nothing that the head has counted may be
 * damaged. Its runs that wait are left to their marks.
 */
export async function lookThrough(options: LookThroughOptions): Promise<LookedThrough> {
  const { store, log, stat, mark: known, head, clock } = options;
  const { key } = log;
  const { logId } = stat;
  const isKnown = known.isOwn && head.state.offset <= known.offset;
  const before = isKnown ? head.state : EMPTY_STATE;
  const scan = new OldLogScan(known, before);
  let editsEnd = stat.end.edits;

  async function storeMark(isDone: boolean): Promise<ScanMark> {
    const mark = scan.addMark(isDone);
    const records = scan.records.take();
    editsEnd = await store.append(key, records, {
      logId,
      log: "edits",
      expectedEnd: editsEnd,
      durable: isDone,
    });
    return mark;
  }

  const reader = store.read(key, { logId, start: before.offset, end: stat.end.raw }).getReader();
  let position = before.offset;
  let storedAt = known.offset;
  for (;;) {
    const { value, done } = await reader.read();
    if (done) break;
    scan.push(value);
    position += value.length;
    if (scan.records.length < STORE_BYTES && position - storedAt < STORE_EVERY_BYTES) continue;
    await storeMark(false);
    storedAt = position;
  }
  const open = openRuns(scan.state).filter(({ isStarted }) => isStarted || !known.isOwn);
  const state = await closeRuns(log, logId, { open, before: scan.state, timestamp: clock.now() });
  await store.setHead(key, logId, encodeHead({ state, messages: head.messages }));
  return { state, mark: await storeMark(true) };
}

interface LeftRun {
  readonly runId: string;
  readonly threadId: string;
  readonly isStarted: boolean;
}

interface LeftRuns {
  readonly open: readonly LeftRun[];
  readonly before: SessionState;
  readonly timestamp: number;
}

/** Ends what the log left open; resolves with the state after that. */
async function closeRuns(
  log: SessionLog,
  logId: string,
  { open, before, timestamp }: LeftRuns,
): Promise<SessionState> {
  const lines = open.flatMap(({ runId, threadId, isStarted }) => {
    const context = { threadId: threadId || log.key.session, runId, timestamp };
    const end = runError(context, RESTARTED.message, RESTARTED.code);
    return isStarted ? [end] : [runStarted(context), end];
  });
  if (lines.length > 0) await log.append(lines, { logId, durable: true });
  return lines.reduce((state, line) => foldEvent(state, factsOfLine(line)), before);
}

/** The run that was under way, and those whose callers were heard and whose runner was not. */
function openRuns({ openRun, runs }: SessionState): LeftRun[] {
  const left = runs
    .filter(({ runId, phase }) => phase === "waiting" && runId !== openRun)
    .map(({ runId, threadId }) => ({ runId, threadId, isStarted: false }));
  if (openRun === null) return left;
  const threadId = runs.find(({ runId }) => runId === openRun)?.threadId ?? "";
  return [{ runId: openRun, threadId, isStarted: true }, ...left];
}
