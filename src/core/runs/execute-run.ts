import { RunlogError } from "../../ports/errors.ts";
import type { EventBatch, EventFacts, RunnerStream } from "../../ports/runner-client.ts";
import type { SessionPlatform } from "../../ports/session-platform.ts";
import { noteEvents } from "./activity.ts";
import type { Cancellation } from "./cancellation.ts";
import { endRun, type OpenRun } from "./append-run-error.ts";
import { factsOfLine, runStarted } from "../model/server-events.ts";
import { watchPod } from "./pod-watch.ts";
import {
  isOfRuns,
  isTerminal,
  nextSpan,
  NO_RUN_OPEN,
  resolveRun,
  type RunSpan,
} from "../model/run-span.ts";
import { asFromRunner, selectEvents } from "../session/filter-batch.ts";
import {
  CANCELLED,
  INTERNAL,
  type RunEnd,
  TOO_LONG,
  UNFINISHED,
} from "../model/run-end-reasons.ts";
import { endOfFailure, isLostRunner } from "./runner-failures.ts";

export interface RunOptions extends OpenRun {
  /** Calls the runner; throws what `RunnerClient` throws. */
  readonly connect: (signal: AbortSignal) => Promise<RunnerStream>;
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

const OVERLAP_BYTES = 256 * 1024;
/** How long after RUN_FINISHED other runs wait, and how long late events are taken. */
const SLOT_AFTER_MS = 2_000;
const LATE_EVENTS_MS = 30_000;

/**
 * Stores one admitted run's events as its runner sends them, and resolves when its last stored
 * event is a terminal: the runner's, or a RUN_ERROR with the reason why there was none. Resolves
 * with false when the server stopped before that could be stored: the run is still open. Never
 * rejects.
 */
export async function executeRun(options: RunOptions): Promise<boolean> {
  const { session, logger, onSlotFree, platform, podGraceMs: graceMs, runId, clock } = options;
  const { cancellation } = options;
  const carrier = new RunCarrier(options);
  const onGone = (): void => carrier.stop();
  const pod = watchPod({ key: session.key, platform, clock, graceMs, onGone });
  let end = (await carrier.stream()) ?? (carrier.ended ? null : UNFINISHED);
  // an agent that was interrupted may just stop
  if (end === UNFINISHED && cancellation.isWanted) end = CANCELLED;
  // a pod's connection ends with it, and the end of the pod becomes known later
  if (end !== null && isLostRunner(end)) end = (await pod.end()) ?? end;
  pod.stop();
  if (end === CANCELLED) logger.info("run-cancelled", { ...session.key, runId });
  else if (end) logger.warn("run-failed", { ...session.key, runId, code: end.code });
  const isEnded = end === null || (await carrier.end(end));
  onSlotFree();
  return isEnded;
}

/** How far a run is by the events that its runner has sent. */
interface RunProgress {
  readonly started: boolean;
  /** Whether the run's last stored event is a terminal. */
  readonly ended: boolean;
  /** After RUN_FINISHED nothing opens the run again; after RUN_ERROR its runner may go on. */
  readonly finished: boolean;
  /** The runs that this stream has begun. */
  readonly span: RunSpan;
}

const NOTHING_SENT: RunProgress = {
  started: false,
  ended: false,
  finished: false,
  span: NO_RUN_OPEN,
};

class RunCarrier {
  readonly #options: RunOptions;
  #progress = NOTHING_SENT;
  /** Whether another run may have begun. */
  #isSlotFree = false;
  readonly #stop = new AbortController();
  #cancelTimers: (() => void)[] = [];
  #cancelIdle: () => void = () => {};
  /** Whether the run was ended because it took too long. */
  #isTooLong = false;

  constructor(options: RunOptions) {
    this.#options = options;
  }

  get ended(): boolean {
    return this.#progress.ended;
  }

  /** Stores the runner's events until its answer ends. Resolves with the failure, or null. */
  async stream(): Promise<RunEnd | null> {
    const { cancellation, connect, logger, runId, session, signal } = this.#options;
    if (cancellation.signal.aborted) return CANCELLED;
    this.#watchTime();
    try {
      const signals = [signal, this.#stop.signal, cancellation.signal];
      const stream = await connect(AbortSignal.any(signals));
      await this.#storeAll(stream);
      const { malformed, oversized, repaired } = stream.counts;
      if (malformed + oversized + repaired > 0)
        logger.warn("runner-events-unusual", { ...session.key, runId, ...stream.counts });
      return null;
    } catch (error) {
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

  /** Ends the stream. */
  stop(): void {
    this.#stop.abort();
  }

  end(end: RunEnd): Promise<boolean> {
    return endRun(this.#options, end, { started: this.#progress.started });
  }

  /**
   * A small batch is written while the next one is parsed; a large one is written before the next
   * is taken.
   */
  async #storeAll(stream: RunnerStream): Promise<void> {
    let writing: Promise<unknown> = Promise.resolve();
    this.#watchIdle();
    try {
      for await (const batch of stream.batches) {
        this.#watchIdle();
        await writing;
        writing = this.#store(batch);
        // a failure ends the stream at once: its runner may send nothing more for a long time
        writing.catch((error: unknown) => this.#stop.abort(error));
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
    const batch = asFromRunner(this.#isSlotFree ? withoutRuns(sent) : sent);
    if (batch.events.length === 0) return;
    let progress = before;
    let added: Uint8Array<ArrayBuffer> | null = null;
    for (const event of batch.events) {
      if (progress.finished) break;
      const first = this.#missingStart(event, progress);
      if (first) progress = this.#after(progress, factsOfLine(first));
      added ??= first;
      progress = this.#after(progress, event);
    }
    const stored = added === null ? batch : afterLine(added, batch);
    const isEnd = progress.ended && !before.finished;
    await session.append(stored, { logId, durable: isEnd });
    noteEvents(this.#options.platform, session.key, batch.events);
    this.#progress = progress;
    if (progress.finished && !before.finished) this.#wrapUp();
  }

  /**
   * The RUN_STARTED to be added where the runner sent none with the run's id. A log of many runs
   * has to name the run that fails before it begins, ends, or has another id at its runner.
   */
  #missingStart(event: EventFacts, { started, span }: RunProgress): Uint8Array<ArrayBuffer> | null {
    if (started || !isOfRuns(event)) return null;
    const { clock, runId, threadId } = this.#options;
    const isNamed = resolveRun(span, event.runId) === runId;
    if (isNamed && event.type !== "RUN_ERROR") return null;
    const runnerRunId = event.type === "RUN_STARTED" ? (event.runId ?? "") : null;
    return runStarted({ threadId, runId, timestamp: clock.now() }, runnerRunId);
  }

  /** A terminal is the run's unless this stream has begun another run with its id (decision 023). */
  #after(before: RunProgress, event: EventFacts): RunProgress {
    const { runId } = this.#options;
    if (!isOfRuns(event)) {
      const named = resolveRun(before.span, event.runId);
      return named === "" || named === runId ? { ...before, ended: false } : before;
    }
    const step = nextSpan(before.span, event);
    const isOwn = step.endsAll || step.runId === runId;
    const next = { ...before, started: true, span: step.span };
    if (!isOwn) return next;
    const finished = event.type === "RUN_FINISHED";
    return { ...next, finished, ended: isTerminal(event) };
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

/** The batch after a line that the runner did not send. */
function afterLine(line: Uint8Array, { lines, events }: EventBatch): EventBatch {
  return { lines: [line, ...lines], events: [factsOfLine(line), ...events] };
}

/**
 * The batch without the events that begin or end runs: another run may be open, to which a reader
 * of the log would assign them.
 */
function withoutRuns(batch: EventBatch): EventBatch {
  if (!batch.events.some(isOfRuns)) return batch;
  return selectEvents(
    batch,
    batch.events.map((event) => !isOfRuns(event)),
  );
}
