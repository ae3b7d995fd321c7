import { hasCode, RunlogError } from "../ports/errors.ts";
import type { Clock } from "../ports/clock.ts";
import type { Logger } from "../ports/logger.ts";
import type { EventBatch, EventFacts, RunnerStream } from "../ports/runner-client.ts";
import type { SessionPlatform } from "../ports/session-platform.ts";
import { noteEvents } from "./activity.ts";
import { factsOfLine, type RunErrorCode, runError, runStarted } from "./event.ts";
import { watchPod } from "./pod-watch.ts";
import type { Session } from "./session.ts";

/** A run that was admitted and has not ended. */
export interface OpenRun {
  readonly session: Session;
  /** The log that the run was admitted to; the run writes into no other. */
  readonly logId: string;
  readonly threadId: string;
  readonly runId: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Ends the run from outside, its reason being a `RunEnd`: the server or the session goes. */
  readonly signal: AbortSignal;
}

export interface RunOptions extends OpenRun {
  /** Calls the runner; throws what `RunnerClient` throws. */
  readonly connect: (signal: AbortSignal) => Promise<RunnerStream>;
  /** Told once when another run may begin: at the end, or a moment after RUN_FINISHED. */
  readonly onSlotFree: () => void;
  /** Told when RUN_FINISHED is stored: the run is over, though its runner may still say something. */
  readonly onFinished: () => void;
  /** Silence in ms that ends a run, or null for none. */
  readonly idleMs: number | null;
  /** Told what the runner does, and asked what becomes of its pod. */
  readonly platform: Pick<SessionPlatform, "noteActivity" | "podEnd">;
  /** How long in ms a run that has lost its runner waits for word of the pod. */
  readonly podGraceMs: number;
}

/** An end that the server has to write itself. */
export interface RunEnd {
  readonly message: string;
  readonly code: RunErrorCode;
}

const UNREACHED: RunEnd = { message: "Runner is not available", code: "runner-unavailable" };
export const UNFINISHED: RunEnd = {
  message: "Runner stream ended before the run finished",
  code: "runner-disconnected",
};
export const SHUTDOWN: RunEnd = { message: "Server is shutting down", code: "server-shutdown" };
export const DELETED: RunEnd = { message: "Session was deleted", code: "session-deleted" };
export const RESTARTED: RunEnd = {
  message: "Server restarted during the run",
  code: "server-restarted",
};
const INTERNAL: RunEnd = { message: "Internal error", code: "internal" };
const NOT_STORED: RunEnd = { message: "Event log could not be written", code: "store-failed" };

const FIRST_RETRY_MS = 500;
const MAX_RETRY_MS = 30_000;
const OVERLAP_BYTES = 256 * 1024;
/** How long a run that has finished keeps others waiting, and how long its late events are taken. */
const SLOT_AFTER_MS = 2_000;
const LATE_EVENTS_MS = 30_000;

/**
 * Carries one admitted run from its runner into the log, and resolves when its last stored event is
 * a terminal: the runner's, or a RUN_ERROR that says why there was none. Resolves with false when
 * the server stopped before that could be stored: the run is still open. Never rejects.
 */
export async function carryRun(options: RunOptions): Promise<boolean> {
  const { session, logger, onSlotFree, platform, podGraceMs: graceMs, runId, clock } = options;
  const carrier = new RunCarrier(options);
  const onGone = (): void => carrier.stop();
  const pod = watchPod({ key: session.key, platform, clock, graceMs, onGone });
  let end = (await carrier.stream()) ?? (carrier.ended ? null : UNFINISHED);
  // a pod takes its connection along, and word of it comes later
  if (end === UNFINISHED || end === UNREACHED) end = (await pod.end()) ?? end;
  pod.stop();
  if (end) logger.warn("run-failed", { ...session.key, runId, code: end.code });
  const isEnded = end === null || (await carrier.end(end));
  onSlotFree();
  return isEnded;
}

class RunCarrier {
  readonly #options: RunOptions;
  #started = false;
  /** Whether the run's last stored event is a terminal. */
  #ended = false;
  /** After RUN_FINISHED nothing opens the run again; after RUN_ERROR its runner may go on. */
  #finished = false;
  readonly #stop = new AbortController();
  #cancelTimers: (() => void)[] = [];
  #cancelIdle: () => void = () => {};

  constructor(options: RunOptions) {
    this.#options = options;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Stores what the runner sends until it ends. Resolves with what went wrong, if anything. */
  async stream(): Promise<RunEnd | null> {
    const { connect, logger, runId, session, signal } = this.#options;
    try {
      const stream = await connect(AbortSignal.any([signal, this.#stop.signal]));
      await this.#storeAll(stream);
      const { malformed, oversized, repaired } = stream.counts;
      if (malformed + oversized + repaired > 0)
        logger.warn("runner-events-unusual", { ...session.key, runId, ...stream.counts });
      return null;
    } catch (error) {
      // whatever breaks behind RUN_FINISHED breaks nothing of the run
      if (this.#finished) return null;
      if (!signal.aborted) return this.#endOf(error);
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
    return endRun(this.#options, end, { started: this.#started });
  }

  /** A small batch is written while the next one is parsed; a large one is gone before it comes. */
  async #storeAll(stream: RunnerStream): Promise<void> {
    let writing: Promise<unknown> = Promise.resolve();
    this.#watchIdle();
    try {
      for await (const batch of stream.batches) {
        this.#watchIdle();
        await writing;
        writing = this.#store(batch);
        // a failure ends the stream at once: its runner may have nothing more to say
        writing.catch((error: unknown) => this.#stop.abort(error));
        // asking for the next batch tells the runner's client that this one takes no memory any more
        if (bytesOf(batch) > OVERLAP_BYTES) await writing;
      }
    } finally {
      await writing;
    }
  }

  async #store(batch: EventBatch): Promise<void> {
    const { logId, session } = this.#options;
    const before = this.#finished;
    let [started, ended, finished] = [this.#started, this.#ended, this.#finished];
    let isEarly = false;
    for (const event of batch.events) {
      if (finished || !this.#isOwn(event)) continue;
      // the standard lets a run fail before it begins, but a log of many runs has to say which
      isEarly ||= !started && event.type === "RUN_ERROR";
      started ||= isEarly || event.type === "RUN_STARTED";
      finished = event.type === "RUN_FINISHED";
      ended = finished || event.type === "RUN_ERROR";
    }
    const stored = isEarly ? this.#begun(batch) : batch;
    await session.append(stored, { logId, durable: ended && !before });
    noteEvents(this.#options.platform, session.key, batch.events);
    [this.#started, this.#ended, this.#finished] = [started, ended, finished];
    if (finished && !before) this.#wrapUp();
  }

  /** The batch behind a RUN_STARTED. */
  #begun({ lines, events }: EventBatch): EventBatch {
    const { clock, runId, threadId } = this.#options;
    const line = runStarted({ threadId, runId, timestamp: clock.now() });
    return { lines: [line, ...lines], events: [factsOfLine(line), ...events] };
  }

  #isOwn({ runId }: EventFacts): boolean {
    return runId === null || runId === "" || runId === this.#options.runId;
  }

  /** The run is over; its runner may still say something. */
  #wrapUp(): void {
    const { clock, onFinished, onSlotFree } = this.#options;
    onFinished();
    this.#cancelTimers = [
      clock.after(SLOT_AFTER_MS, onSlotFree),
      clock.after(LATE_EVENTS_MS, () => this.stop()),
    ];
  }

  #watchIdle(): void {
    const { clock, idleMs } = this.#options;
    if (idleMs === null) return;
    this.#cancelIdle();
    this.#cancelIdle = clock.after(idleMs, () => this.stop());
  }

  #endOf(error: unknown): RunEnd {
    // the idle limit or the pod's end, which stop the stream without a reason of their own
    if (this.#stop.signal.aborted && !(error instanceof RunlogError)) return UNFINISHED;
    const { logger, session } = this.#options;
    const code = error instanceof RunlogError ? error.code : "internal";
    switch (code) {
      case "runner-unreachable":
      case "platform-failed":
        return UNREACHED;
      case "runner-refused": {
        const status = Number(error instanceof RunlogError ? error.facts["status"] : 0);
        return { message: `Runner error: HTTP ${status}`, code: `runner-http-${status}` };
      }
      case "runner-disconnected":
        return UNFINISHED;
      case "internal":
        logger.error("run-crashed", { ...session.key, error });
        return INTERNAL;
      default:
        return NOT_STORED;
    }
  }
}

/**
 * Appends the RUN_ERROR, and RUN_STARTED before it unless the run was started, again and again while
 * the store refuses it and the server goes on. Resolves with whether the run is over. Never rejects.
 */
export async function endRun(
  run: OpenRun,
  { message, code }: RunEnd,
  { started }: { readonly started: boolean },
): Promise<boolean> {
  const { clock, session, logger, logId, runId, threadId, signal } = run;
  for (let waitMs = FIRST_RETRY_MS; ; waitMs = Math.min(waitMs * 2, MAX_RETRY_MS)) {
    const context = { threadId, runId, timestamp: clock.now() };
    const lines = started ? [] : [runStarted(context)];
    lines.push(runError(context, message, code));
    const events = lines.map((line) => factsOfLine(line));
    try {
      await session.append({ lines, events }, { logId, durable: true });
      return true;
    } catch (error) {
      // whoever has the session now finds the run's mark, and ends it
      if (hasCode(error, "log-not-owned")) return false;
      logger.error("run-end-not-stored", { ...session.key, runId, error });
      // the log is gone: there is nothing left to close
      if (hasCode(error, "log-fenced", "log-not-found")) return true;
      if (signal.aborted || hasCode(error, "store-closed")) return false;
      await pause(clock, waitMs, signal);
    }
  }
}

/** Waits, but not for a server that stops. */
function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const wake = (): void => {
      cancel();
      signal.removeEventListener("abort", wake);
      resolve();
    };
    const cancel = clock.after(ms, wake);
    signal.addEventListener("abort", wake);
  });
}

function bytesOf({ lines }: EventBatch): number {
  return lines.reduce((sum, line) => sum + line.length, 0);
}
