import type { Clock } from "../../ports/clock.ts";
import type { Logger } from "../../ports/logger.ts";
import type { SessionKey } from "../../ports/log-store.ts";
import type { EventBatch, EventFacts } from "../../ports/runner-client.ts";
import type { SessionPlatform } from "../../ports/session-platform.ts";
import { noteEvents } from "../runs/activity.ts";
import { endRun } from "../runs/append-run-error.ts";
import { type RunEnd, UNFINISHED } from "../model/run-end-reasons.ts";
import { type RunMarks, threadNoteKey } from "../log/open-run-marks.ts";
import {
  isBegun,
  isOfRuns,
  isTerminal,
  nextSpan,
  resolveRun,
  type RunSpan,
} from "../model/run-span.ts";
import { asFromRunner, selectEvents } from "../session/filter-batch.ts";
import { findRun, type SessionState } from "../model/session-state.ts";
import type { Sessions, SessionUse } from "../session/session-registry.ts";

export interface BackgroundEventWriterOptions {
  readonly key: SessionKey;
  /** The log that the session had when its runner was called; events are written to no other. */
  readonly logId: string;
  readonly threadId: string;
  readonly sessions: Sessions;
  readonly marks: RunMarks;
  readonly platform: Pick<SessionPlatform, "noteActivity">;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Whether this posted run is active, waits or wraps up; null asks for any. */
  readonly isInFlight: (runId: string | null) => boolean;
}

/** The run that was started last on the connection. */
interface StartedRun {
  readonly runId: string;
  /** Whether the run is the runner's own; if not, its events come with its own stream. */
  readonly isStored: boolean;
  /** Whether its last event is a terminal. */
  readonly isEnded: boolean;
}

/**
 * Stores the events of one connection, or of several that follow each other without a gap. An event belongs to the run whose id it has, else to the run
 * that was started last on the connection and has not finished. Events of a posted run that is in
 * flight are skipped, since that run's own stream has them. A run that only this connection knows
 * gets an end like any other, also after a crash, and updates the session's state.
 */
export class BackgroundEventWriter {
  readonly #options: BackgroundEventWriterOptions;
  #run: StartedRun | null = null;
  /** The run whose end is being written. */
  #closing: string | null = null;
  /** The run that is marked as open in the store. */
  #marked: string | null = null;
  /** Runs that are marked although they have ended, or end with what is being stored. */
  readonly #ending = new Set<string>();
  #use: SessionUse | null = null;
  /** Where the log ended when it was found out what is in it (`AppendLinesOptions.knownEnd`). */
  #knownEnd: number;

  /**
   * `openRun`: a run that an earlier process has stored the beginning of; its mark is this process's. `knownEnd`:
   * where the log ended when it was found out how far the runner's events are stored.
   */
  constructor(options: BackgroundEventWriterOptions, openRun: string | null, knownEnd: number) {
    this.#options = options;
    this.#knownEnd = knownEnd;
    if (openRun !== null) this.takeUp(openRun);
  }

  /** The open run that the runner began by itself, or null. */
  get openRun(): string | null {
    return isOpen(this.#run) ? this.#run.runId : this.#closing;
  }

  /**
   * `lastId` is the runner's id of the batch's last event, if what comes after it can be asked for. Throws
   * what `Session.append` throws: `log-fenced` if another process has appended to the log (`catchUp`).
   */
  async store(batch: EventBatch, lastId: string | null): Promise<void> {
    const { key, logId, sessions } = this.#options;
    this.#use ??= sessions.use(key);
    const { session } = this.#use;
    try {
      await session.load();
      const { state } = session;
      let run = this.#run;
      let span: RunSpan = state;
      const superseded: string[] = [];
      const isKept = batch.events.map((event) => {
        const keeps = !this.#isElsewhere(event, run, { span, state });
        const next = runAfter(event, run, keeps, span);
        if (keeps && isOfRuns(event)) ({ span } = nextSpan(span, event));
        if (isOpen(run) && next !== null && next.runId !== run.runId) superseded.push(run.runId);
        run = next;
        return keeps;
      });
      const kept = asFromRunner(selectEvents(batch, isKept));
      if (kept.events.length > 0) {
        await this.#mark(run, lastId !== null, begunIn(kept.events));
        const note = lastId !== null && {
          key: threadNoteKey(this.#options.threadId),
          text: lastId,
        };
        const durable = kept.events.some(isTerminal);
        const knownEnd = this.#knownEnd;
        await session.append(kept, { logId, durable, knownEnd, ...(note && { note }) });
        noteEvents(this.#options.platform, key, kept.events);
      }
      this.#run = run;
      for (const runId of superseded) await this.#endRun(runId, UNFINISHED);
      await this.#unmark();
    } finally {
      if (!isOpen(this.#run)) this.#release();
    }
  }

  /** Goes on with a run that an earlier process has begun, and whose mark is this process's; false if another one is open. */
  takeUp(runId: string): boolean {
    if (this.openRun !== null) return false;
    this.#run = { runId, isStored: true, isEnded: false };
    this.#marked = runId;
    return true;
  }

  /**
   * Takes note of what another process has appended to the log, which ends at `knownEnd`: it may have ended the open
   * run. Throws what the store throws.
   */
  async catchUp(knownEnd: number): Promise<void> {
    const { key, sessions } = this.#options;
    this.#knownEnd = knownEnd;
    if (!isOpen(this.#run)) return;
    this.#use ??= sessions.use(key);
    const { session } = this.#use;
    await session.refold();
    if (findRun(session.state, this.#run.runId)?.phase !== "ended") return;
    this.#run = null;
    await this.#unmark();
    this.#release();
  }

  /** Ends the run that a closed connection leaves open. Never rejects. */
  async end(reason: RunEnd): Promise<void> {
    const run = this.#run;
    this.#run = null;
    if (isOpen(run)) {
      this.#closing = run.runId;
      await this.#endRun(run.runId, reason);
      this.#closing = null;
    }
    await this.#unmark();
    this.#release();
  }

  /** Leaves the open run as it is, for the next process to take up. */
  leave(): void {
    this.#release();
  }

  #isElsewhere(
    event: EventFacts,
    run: StartedRun | null,
    { span, state }: { readonly span: RunSpan; readonly state: SessionState },
  ): boolean {
    const { isInFlight } = this.#options;
    const named = event.runId || run?.runId || null;
    // a terminal that names no run would end the one that is in flight
    if (named === null) return isTerminal(event) && isInFlight(null);
    if (run?.isStored === true && run.runId === named) return false;
    // a runner may use an id of its own for the run that is in flight
    if (isInFlight(resolveRun(span, named)) || isInFlight(named)) return true;
    if (!isTerminal(event)) return false;
    // so would the terminal of a run that nobody has begun
    if (!isBegun(span, named) && isInFlight(null)) return true;
    // the end of a run may arrive here a moment after its own stream has brought it
    return findRun(state, named)?.phase === "ended";
  }

  /** Marks the run that a batch leaves open, and, where ends are noticed, those that it begins and ends. */
  async #mark(
    run: StartedRun | null,
    background: boolean,
    begun: readonly string[],
  ): Promise<void> {
    const { key, logId, marks, threadId } = this.#options;
    const { areNoticed } = marks;
    const startsAt = areNoticed ? (this.#use?.session.log.position?.end ?? 0) : null;
    const mark = {
      threadId,
      ...(startsAt !== null && { startsAt }),
      ...(background && { background }),
    };
    const open = isOpen(run) ? run.runId : null;
    if (areNoticed)
      for (const runId of begun) {
        if (runId === open || runId === this.#marked) continue;
        this.#ending.add(runId);
        await marks.markOpen(key, logId, runId, mark);
      }
    if (open === null || open === this.#marked) return;
    if (areNoticed && this.#marked !== null) this.#ending.add(this.#marked);
    else await this.#clear(this.#marked);
    this.#marked = null;
    await marks.markOpen(key, logId, open, mark);
    this.#marked = open;
  }

  async #unmark(): Promise<void> {
    const ended = [...this.#ending];
    this.#ending.clear();
    for (const runId of ended) await this.#clear(runId);
    if (isOpen(this.#run) && this.#run.runId === this.#marked) return;
    const marked = this.#marked;
    this.#marked = null;
    await this.#clear(marked);
  }

  async #clear(runId: string | null): Promise<void> {
    if (runId === null) return;
    const { key, logId, logger, marks } = this.#options;
    await marks.clearOpen(key, logId, runId).catch((error: unknown) => {
      // the next start finds the run ended, and clears the mark
      logger.warn("run-mark-not-cleared", { ...key, runId, error });
    });
  }

  async #endRun(runId: string, reason: RunEnd): Promise<void> {
    const { clock, key, logger, logId, marks, sessions, threadId } = this.#options;
    this.#use ??= sessions.use(key);
    const { session } = this.#use;
    // one attempt: while the store refuses it the mark stays
    const signal = AbortSignal.abort();
    const knownEnd = this.#knownEnd;
    const run = { session, clock, logger, logId, threadId, runId, knownEnd, signal };
    if (await endRun(run, reason, { started: true })) return;
    if (runId === this.#marked) this.#marked = null;
    this.#ending.delete(runId);
    marks.release({ ...key, logId, runId }, { reached: true });
  }

  #release(): void {
    // a viewer may wait for the end of a run of which nothing more is stored
    this.#use?.session.log.wake();
    this.#use?.release();
    this.#use = null;
  }
}

/** The run that was started last, after `event`. */
function runAfter(
  event: EventFacts,
  run: StartedRun | null,
  isStored: boolean,
  span: RunSpan,
): StartedRun | null {
  const runId = event.runId || run?.runId || null;
  if (runId === null) return run;
  if (event.type === "RUN_STARTED") return { runId, isStored, isEnded: false };
  // a terminal of a run that nobody has begun ends this one, as for every reader of the log
  const isEnd = isTerminal(event) && isStored && !isBegun(span, runId);
  if (run === null || (run.runId !== runId && !isEnd)) return run;
  return event.type === "RUN_FINISHED" ? null : { ...run, isEnded: isTerminal(event) };
}

/** The runs that begin with these events. */
function begunIn(events: readonly EventFacts[]): readonly string[] {
  return events.flatMap(({ runId, type }) => (type === "RUN_STARTED" && runId ? runId : []));
}

function isOpen(run: StartedRun | null): run is StartedRun {
  return run !== null && run.isStored && !run.isEnded;
}
