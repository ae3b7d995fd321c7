import { hasCode, type RunlogErrorCode } from "../../ports/errors.ts";
import type { RunnerStream } from "../../ports/runner-client.ts";
import { idOf } from "../../ports/session-id.ts";
import { admitPosted } from "./admit-posted.ts";
import { endRun, type OpenRun } from "./append-run-error.ts";
import { executeRun, type RunOutcome } from "./execute-run.ts";
import { type OpenRunFound, recalledRun, type TakenRun } from "./take-up-run.ts";
import type { HeldRun } from "./held-run.ts";
import { heldEntry, type QueuedRun, queuedRun, takenUpRun } from "./queued-run.ts";
import { QueuedRunMarks } from "./queued-run-marks.ts";
import { NOT_STARTED, type RunEnd, RunsEndedError, SHUTDOWN } from "../model/run-end-reasons.ts";
import type { RunQueueOptions } from "./run-queue-options.ts";
import { type RunAccepted, type RunRequest, tooManyRuns } from "./run-request.ts";
import { begunRun } from "../model/session-state.ts";

/** Failures of runners that were reached. */
const ANSWERED = [
  "runner-refused",
  "runner-not-an-event-stream",
  "runner-disconnected",
] as const satisfies RunlogErrorCode[];

/**
 * The runs of one session: one is active, a few wait in order, and each is remembered, so that a
 * run that is posted again gets its first answer and is not run twice.
 */
export class RunQueue {
  readonly #options: RunQueueOptions;
  readonly #marks: QueuedRunMarks;
  readonly #stop = new AbortController();
  #queue: QueuedRun[] = [];
  #active: QueuedRun | null = null;
  /** Runs that are in flight, by id: the active one and those that wrap up. */
  readonly #inFlight = new Map<string, Promise<RunOutcome>>();
  /** The entries of those. */
  readonly #entries = new Set<QueuedRun>();

  constructor(options: RunQueueOptions) {
    this.#options = options;
    this.#marks = new QueuedRunMarks(options);
  }

  /** The active run, or null. */
  get activeRun(): RunAccepted | null {
    if (!this.#active) return null;
    const { runId, threadId } = this.#active;
    return { runId, threadId };
  }

  /** The active run, unless it has finished and wraps up; or null. */
  get unfinishedRun(): RunAccepted | null {
    return this.#active?.isFinished === false ? this.activeRun : null;
  }

  get isIdle(): boolean {
    return this.#queue.length === 0 && this.#inFlight.size === 0;
  }

  /**
   * Whether a stop of the server need not wait: every run that is in flight may be left open, and what waits after
   * them would not begin.
   */
  get isLeavable(): boolean {
    const isHeldUp = this.#queue.length === 0 || this.#active !== null;
    return isHeldUp && [...this.#entries].every((run) => run.isResumable);
  }

  /** Whether a run waits, or is active and not finished. */
  get isRunning(): boolean {
    return this.#queue.length > 0 || (this.#active !== null && !this.#active.isFinished);
  }

  /** Whether this run is active, waits or wraps up; null asks for any. */
  isInFlight(runId: string | null): boolean {
    if (runId === null) return !this.isIdle;
    return this.#inFlight.has(runId) || this.#queue.some((run) => run.runId === runId);
  }

  /**
   * Admits a run of a loaded session. Rejects with `run-active` when too many wait, with
   * `log-not-writable`, or with RunsEndedError: then nothing was started.
   */
  admit(request: RunRequest): Promise<RunAccepted> {
    const { input, releaseBody } = request;
    const { runId, threadId } = input;
    const { admissions, session, queueLimit, store, waitedBodies: budget } = this.#options;
    const { key } = session;
    const entries = this.#active ? [this.#active, ...this.#queue] : this.#queue;
    const duplicate = entries.find((entry) => entry.runId === runId);
    const known = begunRun(session.state, runId);
    if (duplicate || known) {
      releaseBody();
      return (
        duplicate?.accepted ?? Promise.resolve({ runId, threadId: known?.threadId || threadId })
      );
    }
    if (this.#stop.signal.aborted) return Promise.reject(new RunsEndedError());
    const waiting = this.#queue.length - (this.#active ? 0 : 1);
    if (waiting >= queueLimit) return Promise.reject(tooManyRuns(entries[0]?.runId));
    // one after the other, so that the log has them in the order in which they were posted
    const accepted = admissions.run(idOf(key), () =>
      admitPosted(
        this.#options,
        this.#marks,
        { entry, request },
        {
          stop: this.#stop.signal,
          waits: () => this.#active !== null || this.#queue[0] !== entry,
        },
      ),
    );
    const entry = queuedRun(request, accepted, { key, store, budget });
    this.#queue.push(entry);
    accepted.then(
      () => (entry.logId === null ? this.#remove(entry) : this.#startNext()),
      () => this.#remove(entry),
    );
    return accepted;
  }

  /**
   * Takes up a run of the session that nobody works on; its mark must be this process's. It is the active
   * one, unless another one is.
   */
  takeUp(run: OpenRunFound, taken: TakenRun): Promise<void> {
    const { session, store, waitedBodies: budget } = this.#options;
    if (this.isInFlight(run.runId) || this.#stop.signal.aborted) return Promise.resolve();
    const entry = takenUpRun(run, taken, { key: session.key, store, budget });
    return new Promise((resolve) => {
      if (!this.#active && !taken.progress.finished) this.#active = entry;
      void this.#execute(entry, resolve).finally(resolve);
    });
  }

  /**
   * Makes a run the active one that no runner is called for, in place of the active run of the id
   * `inPlaceOf`. Resolves when it no longer is; null if another run is active or waits.
   */
  hold(run: HeldRun, inPlaceOf: string | null): Promise<unknown> | null {
    const { session, store, waitedBodies: budget } = this.#options;
    const isFree = this.#active
      ? this.#active.runId === inPlaceOf
      : this.#queue.length === 0 && !this.isInFlight(run.runId);
    if (!isFree || this.#stop.signal.aborted) return null;
    const entry = heldEntry(run, { key: session.key, store, budget });
    this.#active = entry;
    const cancelled = entry.cancellation.signal;
    return this.#finish(entry, () => run.work({ ...this.#runOf(entry), cancelled }));
  }

  /**
   * Cancels the run of this id, or the active one for null; one that waits ends when its turn has come.
   * `interrupt` is as in `Cancellation`. Resolves as `admit` did, or with null if there is no such run.
   */
  async cancel(
    runId: string | null,
    interrupt: () => Promise<boolean>,
  ): Promise<RunAccepted | null> {
    const unended = this.#unended();
    const entry = unended.find((run) =>
      runId === null ? run === this.#active : run.runId === runId,
    );
    if (entry) this.#cancel(entry, interrupt);
    return (await entry?.accepted) ?? null;
  }

  /** Cancels every run. */
  cancelAll(interrupt: () => Promise<boolean>): void {
    for (const entry of this.#unended()) this.#cancel(entry, interrupt);
  }

  #cancel(entry: QueuedRun, interrupt: () => Promise<boolean>): void {
    const isAnswered = entry === this.#active && entry.reached;
    entry.cancellation.want(this.#options.clock, isAnswered ? interrupt : null);
  }

  /** The active run, if it has not finished, and those that wait. */
  #unended(): readonly QueuedRun[] {
    return this.#active?.isFinished === false ? [this.#active, ...this.#queue] : this.#queue;
  }

  /**
   * Ends every run that is active or waits, and refuses new ones. Resolves when all ends are stored
   * or refused, with the number of those that the store refused: these runs are still open. When the server
   * stops, runs that can be taken up are left open.
   */
  async end(reason: RunEnd): Promise<number> {
    const { admissions, session } = this.#options;
    this.#stop.abort(reason);
    await admissions.idle(idOf(session.key));
    const waiting = this.#queue;
    this.#queue = [];
    const ended = await Promise.all([
      ...this.#inFlight.values(),
      ...waiting.map((entry) => this.#finish(entry, () => this.#endWaiting(entry, reason))),
    ]);
    return ended.filter((outcome) => outcome === "not-stored").length;
  }

  /** Resolves when the runs that are in flight now have come to their ends. */
  async settled(): Promise<void> {
    await Promise.all(this.#inFlight.values());
  }

  /** A run that waits when the server stops may be posted again to the next one. */
  async #endWaiting(entry: QueuedRun, reason: RunEnd): Promise<RunOutcome> {
    const forgets = reason === SHUTDOWN;
    const end = forgets ? NOT_STARTED : reason;
    if (!(await endRun(this.#runOf(entry), end, { started: false, forgets }))) return "not-stored";
    if (!forgets) return "ended";
    const { logger, session } = this.#options;
    return session.save().then(
      () => "ended",
      (error: unknown) => {
        // the mark stays, so that the next start finds that the run never began
        logger.warn("head-not-saved", { ...session.key, error });
        return "not-stored";
      },
    );
  }

  #startNext(): void {
    const next = this.#queue[0];
    if (this.#active || !next || next.logId === null || this.#stop.signal.aborted) return;
    this.#queue.shift();
    this.#active = next;
    void this.#execute(next, () => {});
  }

  /** Works on a run; calls `onAnswered` when its runner has answered for the first time. */
  #execute(entry: QueuedRun, onAnswered: () => void): Promise<RunOutcome> {
    const { acknowledge, idleMs, maxMs, platform, podGraceMs, reattachMs, resume } = this.#options;
    const { session, store } = this.#options;
    const { cancellation, runId, taken } = entry;
    return this.#finish(entry, () =>
      executeRun({
        ...this.#runOf(entry),
        idleMs,
        maxMs,
        platform,
        podGraceMs,
        cancellation,
        taken,
        reattachMs,
        onSlotFree: () => this.#freeSlot(entry),
        onFinished: () => {
          entry.isFinished = true;
          this.#options.session.log.wake();
        },
        onResumable: (isResumable) => {
          entry.isResumable = isResumable;
          this.#marks.noteResumable(entry);
          this.#options.onResumable();
        },
        connect: (signal) => this.#connect(entry, signal),
        resume: async (after, signal) => {
          const stream = await resume(entry, after, signal);
          onAnswered();
          return stream;
        },
        recall: () =>
          recalledRun(store, session, { runId, logId: entry.logId ?? "", mark: entry.mark }),
        acknowledge: async () => {
          await acknowledge(runId);
          await this.#marks.dropNote(entry);
        },
      }),
    );
  }

  async #connect(entry: QueuedRun, signal: AbortSignal): Promise<RunnerStream> {
    const { connect, session } = this.#options;
    const { logId, threadId } = entry;
    if (entry.mark.waits === true && logId !== null) {
      const startsAt = session.log.position?.end ?? 0;
      await this.#marks.set(entry, logId, { threadId, startsAt });
    }
    try {
      const stream = await connect(entry, signal);
      entry.reached = true;
      return stream;
    } catch (error) {
      entry.reached = hasCode(error, ...ANSWERED);
      throw error;
    } finally {
      void this.#marks.discardBody(entry);
    }
  }

  /** Runs `execute` for a run, and clears up after it. Resolves with whether the run is over. */
  async #finish(entry: QueuedRun, execute: () => Promise<RunOutcome>): Promise<RunOutcome> {
    const { logId, runId } = entry;
    this.#entries.add(entry);
    const inFlight = (async () => {
      const outcome = await execute();
      await this.#marks.discardBody(entry);
      await entry.marking;
      if (outcome === "ended" && logId !== null) await this.#marks.clear(logId, runId);
      // an open run keeps its mark, so that a later start finds it, or the process that has the session now
      if (outcome === "not-stored" && logId !== null)
        this.#marks.release(logId, runId, { reached: entry.reached });
      return outcome;
    })();
    this.#inFlight.set(runId, inFlight);
    const outcome = await inFlight;
    this.#inFlight.delete(runId);
    this.#entries.delete(entry);
    this.#freeSlot(entry);
    // a viewer may wait for the end of a run of which nothing more is stored
    this.#options.session.log.wake();
    if (this.isIdle) this.#options.onIdle();
    return outcome;
  }

  #freeSlot(entry: QueuedRun): void {
    if (this.#active !== entry) return;
    this.#active = null;
    this.#startNext();
    const isEndedFromOutside = this.#stop.signal.aborted;
    if (this.#active || this.#queue.length > 0 || isEndedFromOutside) return;
    this.#options.onFinished({ reached: entry.reached });
  }

  #remove(entry: QueuedRun): void {
    this.#queue = this.#queue.filter((other) => other !== entry);
    void this.#marks.discardBody(entry);
    this.#startNext();
    if (this.isIdle) this.#options.onIdle();
  }

  #runOf(entry: QueuedRun): OpenRun {
    const { session, clock, logger } = this.#options;
    const { runId, threadId, knownEnd } = entry;
    const { signal } = this.#stop;
    return { session, clock, logger, runId, threadId, knownEnd, signal, logId: entry.logId ?? "" };
  }
}
