import { hasCode, RunlogError } from "../../ports/errors.ts";
import type { AppendNote } from "../../ports/log-store.ts";
import { noteKeyOf } from "../log/open-run-marks.ts";
import type { EventBatch, RunnerStream } from "../../ports/runner-client.ts";
import type { SessionPlatform } from "../../ports/session-platform.ts";
import { noteEvents } from "./activity.ts";
import type { Cancellation } from "./cancellation.ts";
import { endRun, type OpenRun } from "./append-run-error.ts";
import { watchPod } from "./pod-watch.ts";
import {
  CANCELLED,
  INTERNAL,
  RESTARTED,
  type RunEnd,
  SHUTDOWN,
  TOO_LONG,
  UNFINISHED,
} from "../model/run-end-reasons.ts";
import { lateAtShutdown } from "./late-at-shutdown.ts";
import { Reattach } from "./reattach.ts";
import { NOTHING_SENT, type RunProgress } from "./run-progress.ts";
import { afterLine, storedBatch } from "./stored-batch.ts";
import type { TakenRun } from "./take-up-run.ts";
import { endOfFailure, isLostRunner } from "./runner-failures.ts";

/** How the work on a run ended: its end is stored, it was left open on purpose, or the store refused its end. */
export type RunOutcome = "ended" | "left-open" | "not-stored";

export interface RunOptions extends OpenRun {
  /** Calls the runner; throws what `RunnerClient` throws. */
  readonly connect: (signal: AbortSignal) => Promise<RunnerStream>;
  /** Asks the runner for the run's events after this id; throws what `RunnerClient` throws. */
  readonly resume: (after: string | null, signal: AbortSignal) => Promise<RunnerStream>;
  /** As `recalledRun`. */
  readonly recall: () => Promise<TakenRun | "over" | null>;
  /** Tells the runner that it may forget the run. Never rejects. */
  readonly acknowledge: () => Promise<void>;
  /** How long in ms a runner that can be asked again is asked in vain. */
  readonly reattachMs: number;
  /** What is known of a run that is taken up; null for a new one. */
  readonly taken: TakenRun | null;
  /** Called when it is known whether the runner can be asked again for its events, and when that is no longer so. */
  readonly onResumable: (isResumable: boolean) => void;
  readonly cancellation: Cancellation;
  /** Called once when another run may begin: at the end, or a moment after RUN_FINISHED. */
  readonly onSlotFree: () => void;
  /**
   * Called when RUN_FINISHED is stored: the run is over, though its runner may still send events.
   */
  readonly onFinished: () => void;
  /** Silence in ms that ends a run, or null for none. */
  readonly idleMs: number | null;
  /** How long in ms the run may take, or null for as long as it wants. */
  readonly maxMs: number | null;
  /** Notified of the runner's events, and asked how its pod ended. */
  readonly platform: Pick<SessionPlatform, "noteActivity" | "podEnd">;
  /** How long in ms a run that has lost its runner waits for the end of the pod to be known. */
  readonly podGraceMs: number;
}

/** How often in a row another process may have appended to the log before the run is given up. */
const MAX_RACES = 5;
const OVERLAP_BYTES = 256 * 1024;
/** How long a stop waits for a runner that was called and has not answered. */
const CALL_ENDS_MS = 1_000;
/** How long after RUN_FINISHED other runs wait, and how long late events are taken. */
const SLOT_AFTER_MS = 2_000;
const LATE_EVENTS_MS = 30_000;

/**
 * Stores one admitted run's events as its runner sends them, and resolves when its last stored
 * event is a terminal: the runner's, or a RUN_ERROR with the reason why there was none. The connection of a
 * runner that can be asked again is taken up when it breaks, and its run left open when the server stops.
 * Never rejects.
 */
export async function executeRun(options: RunOptions): Promise<RunOutcome> {
  const { session, logger, onSlotFree, platform, podGraceMs: graceMs, runId, clock } = options;
  const { cancellation, taken } = options;
  const execution = new RunExecution(options);
  const onGone = (): void => execution.stop();
  const pod = watchPod({ key: session.key, platform, clock, graceMs, onGone });
  let end = (await execution.stream()) ?? (execution.ended ? null : UNFINISHED);
  const { isResumable } = execution;
  if (end === SHUTDOWN && (isResumable || taken) && !cancellation.isWanted) {
    pod.stop();
    return "left-open";
  }
  // an agent that was interrupted may just stop
  if (end === UNFINISHED && cancellation.isWanted) end = CANCELLED;
  // a pod's connection ends with it, and the end of the pod becomes known later
  if (end !== null && isLostRunner(end)) end = (await pod.end()) ?? end;
  // asked in vain: nobody knows what became of the run
  if (end !== null && end !== CANCELLED && taken?.isKnown === false && !isResumable)
    end = RESTARTED;
  pod.stop();
  if (end === CANCELLED) logger.info("run-cancelled", { ...session.key, runId });
  else if (end) logger.warn("run-failed", { ...session.key, runId, code: end.code });
  const isEnded = end === null || (await execution.end(end));
  onSlotFree();
  if (isEnded && isResumable) await options.acknowledge();
  return isEnded ? "ended" : "not-stored";
}

class RunExecution {
  readonly #options: RunOptions;
  #progress: RunProgress;
  #isResumable: boolean;
  /** The runner's id of the last event that is stored. */
  #lastId: string | null;
  /** Whether another run may have begun. */
  #isSlotFree: boolean;
  /** Where the log ended when it was found out how far the run is. */
  #knownEnd: number;
  /** How often the log had more than was known, since something was stored. */
  #races = 0;
  /** Whether another process has ended the run. */
  #isOver = false;
  readonly #stop = new AbortController();
  /** Aborts when what comes on the connection cannot be stored. */
  #connection = new AbortController();
  #cancelTimers: (() => void)[] = [];
  #cancelIdle: () => void = () => {};
  /** Whether the run was ended because it took too long. */
  #isTooLong = false;

  constructor(options: RunOptions) {
    const { taken } = options;
    this.#options = options;
    this.#progress = taken?.progress ?? NOTHING_SENT;
    this.#isResumable = taken?.isKnown ?? false;
    this.#lastId = taken?.after ?? null;
    this.#knownEnd = options.knownEnd;
    // another run may have begun since its end
    this.#isSlotFree = this.#progress.finished;
  }

  /** Whether the runner can be asked again for what is missing. */
  get isResumable(): boolean {
    return this.#isResumable;
  }

  get ended(): boolean {
    return this.#isOver || this.#progress.ended;
  }

  /** Stores the runner's events until its answer ends. Resolves with the failure, or null. */
  async stream(): Promise<RunEnd | null> {
    const { cancellation, signal } = this.#options;
    if (cancellation.signal.aborted) return CANCELLED;
    this.#watchTime();
    if (this.#progress.finished) this.#wrapUp();
    try {
      const signals = [signal, this.#stop.signal, cancellation.signal];
      await this.#storeRun(AbortSignal.any(signals));
      return null;
    } catch (error) {
      if (signal.reason === SHUTDOWN && this.#isResumable) return SHUTDOWN;
      // a failure after RUN_FINISHED does not change the run's end
      if (this.#progress.finished) return null;
      if (!signal.aborted) return cancellation.signal.aborted ? CANCELLED : this.#endOf(error);
      const reason: RunEnd = signal.reason;
      return reason;
    } finally {
      this.#cancelIdle();
      for (const cancel of this.#cancelTimers) cancel();
      this.#stop.abort();
    }
  }

  /** Stores what comes on one connection, and, if the runner can be asked again, on those that follow. */
  async #storeRun(signal: AbortSignal): Promise<void> {
    const { clock, reattachMs, resume, taken } = this.#options;
    // nobody waits for a runner of which it is not known that it can be asked
    const retryForMs = (): number => (this.#isResumable ? reattachMs : 0);
    const reattach = new Reattach({ clock, resume, retryForMs }, { isAtOnce: taken !== null });
    let stream = taken ? await this.#takeUp(reattach, signal) : await this.#begin(reattach, signal);
    this.#watchIdle();
    for (let isAgain = taken !== null; ; isAgain = true) {
      const before = this.#lastId;
      const failure = await this.#storeUntilBroken(stream);
      if (this.#isOver) return;
      const hasNews = this.#lastId !== before;
      if (!this.#isResumable && failure) throw failure;
      if (!this.#isResumable) return;
      // a proxy may have ended the answer: a runner that has nothing more says so once again
      if (failure === null && (this.#progress.ended || (isAgain && !hasNews))) return;
      if (hasNews) reattach.noteNews();
      stream = await this.#takeUp(reattach, signal);
    }
  }

  /**
   * Calls the runner. When the connection breaks before its answer, it may have the run, and is asked for it once. A stop
   * waits a moment for its answer, which alone says whether another server can take the run up.
   */
  async #begin(reattach: Reattach, signal: AbortSignal): Promise<RunnerStream> {
    const { clock, connect } = this.#options;
    try {
      const late = lateAtShutdown(signal, CALL_ENDS_MS, clock);
      const stream = await connect(this.#connected(late));
      if (stream.isResumable === true) this.#setResumable(true);
      const connection = this.#connection;
      const hangUp = (): void => connection.abort(signal.reason);
      if (signal.aborted) hangUp();
      signal.throwIfAborted();
      signal.addEventListener("abort", hangUp, { once: true });
      return stream;
    } catch (error) {
      const isBroken =
        hasCode(error, "runner-disconnected") && error.facts["waitedMs"] === undefined;
      if (!isBroken || signal.aborted) throw error;
      return await this.#takeUp(reattach, signal).catch(() => {
        signal.throwIfAborted();
        throw error;
      });
    }
  }

  async #takeUp(reattach: Reattach, signal: AbortSignal): Promise<RunnerStream> {
    const stream = await reattach.open(this.#lastId, this.#connected(signal));
    if (this.#isResumable) return stream;
    if (stream.isResumable === true) {
      this.#setResumable(true);
      return stream;
    }
    // it may answer so whatever it is asked
    await stream.batches[Symbol.asyncIterator]().return?.();
    throw new RunlogError("runner-disconnected", "the runner does not take runs up", {
      isLost: true,
    });
  }

  /** The signal of the next connection. */
  #connected(signal: AbortSignal): AbortSignal {
    this.#connection = new AbortController();
    return AbortSignal.any([signal, this.#connection.signal]);
  }

  #setResumable(isResumable: boolean): void {
    this.#isResumable = isResumable;
    this.#options.onResumable(isResumable);
  }

  /**
   * Stores what comes on a connection. Resolves with why the rest has to be asked for, or null; throws what the store
   * throws.
   */
  async #storeUntilBroken(stream: RunnerStream): Promise<RunlogError | null> {
    const { logger, runId, session } = this.#options;
    try {
      await this.#storeAll(stream);
      return null;
    } catch (error) {
      if (hasCode(error, "runner-disconnected")) return error;
      if (!this.#isResumable || !hasCode(error, "log-fenced")) throw error;
      await this.#recall(error);
      return error;
    } finally {
      const { malformed, oversized, repaired } = stream.counts;
      if (malformed + oversized + repaired > 0)
        logger.warn("runner-events-unusual", { ...session.key, runId, ...stream.counts });
    }
  }

  /** Another process has appended to the log: it may have had the run, and what comes next of it. */
  async #recall(fenced: RunlogError): Promise<void> {
    const known = this.#races++ < MAX_RACES ? await this.#options.recall() : null;
    if (known === null) throw fenced;
    this.#isOver = known === "over";
    if (known === "over") return;
    const wasFinished = this.#progress.finished;
    this.#lastId = known.after;
    this.#progress = known.progress;
    this.#knownEnd = known.knownEnd;
    if (known.progress.finished && !wasFinished) this.#wrapUp();
  }

  /** Ends the stream. */
  stop(): void {
    this.#stop.abort();
  }

  end(end: RunEnd): Promise<boolean> {
    const run = { ...this.#options, knownEnd: this.#knownEnd };
    return endRun(run, end, { started: this.#progress.started });
  }

  /**
   * A small batch is written while the next one is parsed; a large one is written before the next
   * is taken.
   */
  async #storeAll(stream: RunnerStream): Promise<void> {
    let writing: Promise<unknown> = Promise.resolve();
    try {
      for await (const batch of stream.batches) {
        this.#watchIdle();
        await writing;
        writing = this.#store(batch);
        // a failure ends the stream at once: its runner may send nothing more for a long time
        writing.catch((error: unknown) => this.#connection.abort(error));
        // taking the next batch releases this one's memory in the runner's client
        if (bytesOf(batch) > OVERLAP_BYTES) await writing;
      }
    } finally {
      await writing;
    }
  }

  async #store(sent: EventBatch): Promise<void> {
    const { logId, session } = this.#options;
    const before = this.#progress;
    const context = { progress: before, ownsRuns: !this.#isSlotFree };
    const { added, batch, progress } = storedBatch(sent, this.#options, context);
    const note = this.#noteOf(sent);
    if (batch.events.length === 0) return this.#stored(sent);
    const stored = added === null ? batch : afterLine(added, batch);
    const isEnd = progress.ended && !before.finished;
    const knownEnd = this.#knownEnd;
    await session.append(stored, { logId, durable: isEnd, knownEnd, ...(note && { note }) });
    this.#races = 0;
    this.#stored(sent);
    noteEvents(this.#options.platform, session.key, batch.events);
    this.#progress = progress;
    if (progress.finished && !before.finished) this.#wrapUp();
  }

  /** What is stored with a batch, so that it is known where the runner's stream goes on. */
  #noteOf({ lastId = null }: EventBatch): AppendNote | null {
    if (!this.#isResumable) return null;
    const { logger, runId, session } = this.#options;
    if (lastId !== null) return { key: noteKeyOf(runId), text: lastId };
    // without the id it could not be said what is missing
    logger.warn("runner-events-without-id", { ...session.key, runId });
    this.#setResumable(false);
    return null;
  }

  #stored({ lastId = null }: EventBatch): void {
    if (lastId !== null) this.#lastId = lastId;
  }

  /** The run is over; its runner may still send events. */
  #wrapUp(): void {
    const { clock, onFinished, onSlotFree } = this.#options;
    onFinished();
    this.#cancelTimers.push(
      clock.after(SLOT_AFTER_MS, () => {
        this.#isSlotFree = true;
        onSlotFree();
      }),
      clock.after(LATE_EVENTS_MS, () => this.stop()),
    );
  }

  #watchTime(): void {
    const { clock, maxMs } = this.#options;
    if (maxMs === null) return;
    const cut = (): void => {
      // late events after RUN_FINISHED have a limit of their own
      if (this.#progress.finished) return;
      this.#isTooLong = true;
      this.stop();
    };
    this.#cancelTimers.push(clock.after(maxMs, cut));
  }

  #watchIdle(): void {
    const { clock, idleMs } = this.#options;
    if (idleMs === null) return;
    this.#cancelIdle();
    this.#cancelIdle = clock.after(idleMs, () => this.stop());
  }

  #endOf(error: unknown): RunEnd {
    // a limit or the pod's end stops the stream without a reason of its own
    if (this.#stop.signal.aborted && !(error instanceof RunlogError))
      return this.#isTooLong ? TOO_LONG : UNFINISHED;
    if (error instanceof RunlogError && error.code !== "internal") return endOfFailure(error);
    const { logger, session } = this.#options;
    logger.error("run-crashed", { ...session.key, error });
    return INTERNAL;
  }
}

function bytesOf({ lines }: EventBatch): number {
  return lines.reduce((sum, line) => sum + line.length, 0);
}
