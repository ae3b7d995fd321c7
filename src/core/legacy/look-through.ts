import type { Clock } from "../../ports/clock.ts";
import type { LogStat, LogStore } from "../../ports/log-store.ts";
import { factsOfLine, runError, runStarted } from "../event.ts";
import { RESTARTED } from "../run-ends.ts";
import { encodeHead } from "../session-head.ts";
import type { SessionLog } from "../session-log.ts";
import { foldEvent, type SessionState } from "../session-state.ts";
import { KnownMessages } from "../known-messages.ts";
import type { ScanMark } from "./edits.ts";
import { OldLogScan } from "./old-log-scan.ts";

export interface LookThroughOptions {
  readonly store: LogStore;
  readonly log: SessionLog;
  readonly stat: LogStat;
  /** How far an earlier look came. */
  readonly mark: ScanMark;
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
 * Looks through an old log once: stores what its readers have to leave out or change, ends the runs
 * that it left open, and stores its head. The mark that it is done comes last, so that after a crash
 * the look goes on and nothing happens twice. Throws what the store throws.
 */
export async function lookThrough(options: LookThroughOptions): Promise<LookedThrough> {
  const { store, log, stat, clock } = options;
  const { key } = log;
  const { logId } = stat;
  const scan = new OldLogScan(options.mark);
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

  const reader = store.read(key, { logId, end: stat.end.raw }).getReader();
  let position = 0;
  let storedAt = options.mark.offset;
  for (;;) {
    const { value, done } = await reader.read();
    if (done) break;
    scan.push(value);
    position += value.length;
    if (scan.records.length < STORE_BYTES && position - storedAt < STORE_EVERY_BYTES) continue;
    await storeMark(false);
    storedAt = position;
  }
  const state = await closeRuns(log, logId, scan.state, clock.now());
  await store.setHead(key, logId, encodeHead({ state, messages: new KnownMessages() }));
  return { state, mark: await storeMark(true) };
}

/** Ends what the old log left open; resolves with the state after that. */
async function closeRuns(
  log: SessionLog,
  logId: string,
  before: SessionState,
  timestamp: number,
): Promise<SessionState> {
  const lines = openRuns(before).flatMap(({ runId, isStarted }) => {
    const context = { threadId: log.key.session, runId, timestamp };
    const end = runError(context, RESTARTED.message, RESTARTED.code);
    return isStarted ? [end] : [runStarted(context), end];
  });
  if (lines.length > 0) await log.append(lines, { logId, durable: true });
  return lines.reduce((state, line) => foldEvent(state, factsOfLine(line)), before);
}

/** The run that was under way, and those whose callers were heard and whose runner was not. */
function openRuns({ openRun, runs }: SessionState) {
  const waiting = runs.filter(({ phase }) => phase === "waiting");
  return [
    ...(openRun === null ? [] : [{ runId: openRun, isStarted: true }]),
    ...waiting.map(({ runId }) => ({ runId, isStarted: false })),
  ];
}
