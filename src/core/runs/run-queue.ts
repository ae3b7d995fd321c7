import type { Clock } from "../../ports/clock.ts";
import { hasCode, RunlogError, type RunlogErrorCode } from "../../ports/errors.ts";
import type { Logger } from "../../ports/logger.ts";
import type { RunnerStream } from "../../ports/runner-client.ts";
import { idOf } from "../../ports/session-id.ts";
import type { SessionPlatform } from "../../ports/session-platform.ts";
import type { ByteBudget } from "../../stream/sync/byte-budget.ts";
import type { KeyedMutex } from "../../stream/sync/keyed-mutex.ts";
import { endRun, type OpenRun } from "./append-run-error.ts";
import { executeRun } from "./execute-run.ts";
import { linesOf } from "./posted-lines.ts";
import { type QueuedRun, queuedRun } from "./queued-run.ts";
import type { RunBodyOptions } from "./run-body.ts";
import { NOT_STARTED, type RunEnd, RunsEndedError, SHUTDOWN } from "../model/run-end-reasons.ts";
import type { RunInput } from "./run-input.ts";
import { compareTranscript, type ReadStreamed } from "./posted-transcript.ts";
import { type AdmittedRun, type RunAccepted, type RunRequest, tooManyRuns } from "./run-request.ts";
import type { RunMarks } from "../log/open-run-marks.ts";
import type { Session } from "../session/session.ts";
import {
  admitRun,
  findRun,
  forgetRun,
  type KnownRun,
  type SessionState,
} from "../model/session-state.ts";

export interface RunQueueOptions {
  readonly session: Session;
  readonly store: RunBodyOptions["store"];
  readonly marks: RunMarks;
  /** The mutex under which runs are admitted, by `idOf` the session's key. */
  readonly admissions: KeyedMutex;
  /** Memory for bodies of runs that have waited. */
  readonly waitedBodies: ByteBudget;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Most runs that may wait after the active one. */
  readonly queueLimit: number;
  /** Silence in ms that ends a run, or null for none. */
  readonly idleMs: number | null;
  /** How long in ms a run may take, or null for as long as it wants. */
  readonly maxMs: number | null;
  readonly platform: Pick<SessionPlatform, "noteActivity" | "podEnd">;
  /** How long in ms a run that has lost its runner waits for the end of the pod to be known. */
  readonly podGraceMs: number;
  /** Posts a run to the session's runner. */
  readonly connect: (
    run: Pick<QueuedRun, "body" | "caller" | "headers">,
    signal: AbortSignal,
  ) => Promise<RunnerStream>;
  readonly readStreamed: ReadStreamed;
  /** Called for each run that was admitted, once its posted messages are stored. */
  readonly onAdmitted: (run: AdmittedRun) => void;
  /**
   * Called when a run has ended by itself and none waits; `reached` is whether its runner had
   * answered.
   */
  readonly onFinished: (options: { readonly reached: boolean }) => void;
  /**
   * Called when a run was refused of which the log may have events, so that its end has to be
   * stored later.
   */
  readonly onGivenUp: () => void;
  /** Called when no run is active, waiting or wrapping up any more. */
  readonly onIdle: () => void;
}

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
  readonly #stop = new AbortController();
  #queue: QueuedRun[] = [];
  #active: QueuedRun | null = null;
  /** Runs that are in flight, by id: the active one and those that wrap up. */
  readonly #inFlight = new Map<string, Promise<boolean>>();

  constructor(options: RunQueueOptions) {
    this.#options = options;
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
    const known = this.#known(runId);
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
    const accepted = admissions.run(idOf(key), () => this.#store(entry, input));
    const entry = queuedRun(request, accepted, { key, store, budget });
    this.#queue.push(entry);
    accepted.then(
      () => (entry.logId === null ? this.#remove(entry) : this.#startNext()),
      () => this.#remove(entry),
    );
    return accepted;
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
   * The run of this id, if it has begun before. A run that waits is in the queue, or nobody would
   * start it.
   */
  #known(runId: string): KnownRun | null {
    const known = findRun(this.#options.session.state, runId);
    return known?.phase === "waiting" ? null : known;
  }

  /**
   * Ends every run that is active or waits, and refuses new ones. Resolves when all ends are stored
   * or refused, with the number of those that the store refused: these runs are still open.
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
    return ended.filter((isEnded) => !isEnded).length;
  }

  /** A run that waits when the server stops may be posted again to the next one. */
  async #endWaiting(entry: QueuedRun, reason: RunEnd): Promise<boolean> {
    const forgets = reason === SHUTDOWN;
    const end = forgets ? NOT_STARTED : reason;
    if (!(await endRun(this.#runOf(entry), end, { started: false, forgets }))) return false;
    if (!forgets) return true;
    const { logger, session } = this.#options;
    return session.save().then(
      () => true,
      (error: unknown) => {
        // the mark stays, so that the next start finds that the run never began
        logger.warn("head-not-saved", { ...session.key, error });
        return false;
      },
    );
  }

  /** Stores the mark of the run, then its posted messages. */
  async #store(entry: QueuedRun, input: RunInput): Promise<RunAccepted> {
    const { readStreamed, session } = this.#options;
    const { runId, threadId } = input;
    if (this.#stop.signal.aborted) throw new RunsEndedError();
    let logId: string | null = null;
    let isNew = false;
    try {
      isNew = (await session.load()) === null;
      logId = await session.loadOrCreate();
      await this.#mark(entry, logId);
      // the mark gives this process the session: what another one wrote before is known from here
      // on
      await session.reload();
      const known = this.#known(runId);
      if (known) {
        await this.#clearMark(logId, runId);
        return { runId, threadId: known.threadId || threadId };
      }
      if (entry.waits) await entry.body.putAside(logId);
      const posted = await compareTranscript(input.messages, session, readStreamed);
      const messages = posted.unknown.flatMap((place) => input.messages[place] ?? []);
      const timestamp = this.#options.clock.now();
      const said = linesOf(messages, input.kept, { threadId, runId, timestamp });
      const change = (state: SessionState): SessionState => admitRun(state, runId, threadId);
      await session.append(said, { logId, change });
      session.messages.remember(posted.digests, posted.unknown, posted.unfinished);
      await session.save();
    } catch (cause) {
      if (logId !== null) this.#giveUp(entry, logId);
      // perhaps for lack of space: a refused run must not leave a new session
      if (logId !== null && isNew) await session.discardEmpty(logId);
      // rethrown as it is: the caller's next attempt may meet the process that has the session
      if (hasCode(cause, "log-not-owned")) throw cause;
      if (this.#stop.signal.aborted) throw new RunsEndedError({ cause });
      throw new RunlogError("log-not-writable", "Event log is not writable", { cause });
    }
    entry.logId = logId;
    entry.body.letGo();
    this.#options.platform.noteActivity(session.key, "event");
    this.#options.onAdmitted({ runId, threadId, logId });
    return { runId, threadId };
  }

  /**
   * Marks the run as open. The mark of a run that waits records that, so that it is known after a
   * crash that the run never began.
   */
  async #mark(entry: QueuedRun, logId: string): Promise<void> {
    const { marks, session } = this.#options;
    const { runId, threadId } = entry;
    entry.waits = this.#active !== null || this.#queue[0] !== entry;
    const from = session.log.position?.end ?? 0;
    await marks.markOpen(session.key, logId, runId, { threadId, from, waits: entry.waits });
  }

  /**
   * Refuses the run. If some of it was stored, its end is stored as soon as the store accepts it.
   */
  #giveUp({ runId }: QueuedRun, logId: string): void {
    const { marks, onGivenUp, session } = this.#options;
    session.update((state) => forgetRun(state, runId));
    marks.giveUp({ ...session.key, logId, runId }, { reached: false });
    onGivenUp();
  }

  #startNext(): void {
    const next = this.#queue[0];
    if (this.#active || !next || next.logId === null || this.#stop.signal.aborted) return;
    this.#queue.shift();
    this.#active = next;
    const { idleMs, maxMs, platform, podGraceMs } = this.#options;
    void this.#finish(next, () =>
      executeRun({
        ...this.#runOf(next),
        idleMs,
        maxMs,
        platform,
        podGraceMs,
        cancellation: next.cancellation,
        onSlotFree: () => this.#freeSlot(next),
        onFinished: () => {
          next.isFinished = true;
          this.#options.session.log.wake();
        },
        connect: (signal) => this.#connect(next, signal),
      }),
    );
  }

  async #connect(entry: QueuedRun, signal: AbortSignal): Promise<RunnerStream> {
    const { connect, marks, session } = this.#options;
    const { logId, runId, threadId } = entry;
    if (entry.waits && logId !== null) {
      await marks.markOpen(session.key, logId, runId, { threadId });
      entry.waits = false;
    }
    try {
      const stream = await connect(entry, signal);
      entry.reached = true;
      return stream;
    } catch (error) {
      entry.reached = hasCode(error, ...ANSWERED);
      throw error;
    } finally {
      void this.#discardBody(entry);
    }
  }

  /** Runs `execute` for a run, and clears up after it. Resolves with whether the run is over. */
  async #finish(entry: QueuedRun, execute: () => Promise<boolean>): Promise<boolean> {
    const { logId, runId } = entry;
    const inFlight = (async () => {
      const isEnded = await execute();
      await this.#discardBody(entry);
      // an open run keeps its mark, so that a later start finds it
      if (isEnded && logId !== null) await this.#clearMark(logId, runId);
      return isEnded;
    })();
    this.#inFlight.set(runId, inFlight);
    const isEnded = await inFlight;
    this.#inFlight.delete(runId);
    this.#freeSlot(entry);
    // a viewer may wait for the end of a run of which nothing more is stored
    this.#options.session.log.wake();
    if (this.isIdle) this.#options.onIdle();
    return isEnded;
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
    void this.#discardBody(entry);
    this.#startNext();
    if (this.isIdle) this.#options.onIdle();
  }

  async #discardBody({ body, runId }: QueuedRun): Promise<void> {
    const { logger, session } = this.#options;
    await body.discard().catch((error: unknown) => {
      // it is removed with the session at the latest
      logger.warn("run-body-not-removed", { ...session.key, runId, error });
    });
  }

  async #clearMark(logId: string, runId: string): Promise<void> {
    const { logger, marks, session } = this.#options;
    await marks.clearOpen(session.key, logId, runId).catch((error: unknown) => {
      // the next start finds the run ended, and clears the mark
      logger.warn("run-mark-not-cleared", { ...session.key, runId, error });
    });
  }

  #runOf(entry: QueuedRun): OpenRun {
    const { session, clock, logger } = this.#options;
    const { runId, threadId } = entry;
    const { signal } = this.#stop;
    return { session, clock, logger, runId, threadId, signal, logId: entry.logId ?? "" };
  }
}
