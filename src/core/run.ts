import { hasCode, RunlogError } from "../ports/errors.ts";
import type { Clock } from "../ports/clock.ts";
import type { Logger } from "../ports/logger.ts";
import type { SessionKey } from "../ports/log-store.ts";
import type { EventBatch, RunnerStream } from "../ports/runner-client.ts";
import { type RunErrorCode, runError, runStarted, type ServerEventContext } from "./event.ts";
import type { SessionLog } from "./session-log.ts";

export interface RunOptions {
  readonly key: SessionKey;
  readonly log: SessionLog;
  /** The log that the run was admitted to; the run writes into no other. */
  readonly logId: string;
  readonly threadId: string;
  readonly runId: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Calls the runner; throws what `RunnerClient` throws. */
  readonly connect: (signal: AbortSignal) => Promise<RunnerStream>;
  /** Ends the run from outside: the server shuts down. */
  readonly signal: AbortSignal;
}

/** An end that the server has to write itself. */
interface RunFailure {
  readonly message: string;
  readonly code: RunErrorCode;
}

const TERMINALS: ReadonlySet<string> = new Set(["RUN_FINISHED", "RUN_ERROR"]);
const FIRST_RETRY_MS = 500;
const MAX_RETRY_MS = 30_000;
const OVERLAP_BYTES = 256 * 1024;

/**
 * Carries one admitted run from its runner into the log, and resolves when its last stored event is
 * a terminal: the runner's, or a RUN_ERROR that says why there was none. Resolves with false when
 * the server stopped before that could be stored: the run is still open. Never rejects.
 */
export async function carryRun(options: RunOptions): Promise<boolean> {
  const { key, logger, runId } = options;
  const carrier = new RunCarrier(options);
  const failure = await carrier.stream();
  if (failure) logger.warn("run-failed", { ...key, runId, code: failure.code });
  if (!failure && carrier.ended) return true;
  return carrier.end(failure ?? UNFINISHED);
}

const UNFINISHED: RunFailure = {
  message: "Runner stream ended before the run finished",
  code: "runner-disconnected",
};

class RunCarrier {
  readonly #options: RunOptions;
  #started = false;
  #ended = false;

  constructor(options: RunOptions) {
    this.#options = options;
  }

  /** Whether the run's last stored event is a terminal. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Stores what the runner sends until it ends. Resolves with what went wrong, if anything. */
  async stream(): Promise<RunFailure | null> {
    const { connect, key, logger, runId, signal } = this.#options;
    const stop = new AbortController();
    try {
      const stream = await connect(AbortSignal.any([signal, stop.signal]));
      await this.#storeAll(stream, stop);
      const { malformed, oversized, repaired } = stream.counts;
      if (malformed + oversized + repaired > 0)
        logger.warn("runner-events-unusual", { ...key, runId, ...stream.counts });
      return null;
    } catch (error) {
      return signal.aborted
        ? { message: "Server is shutting down", code: "server-shutdown" }
        : this.#failureOf(error);
    } finally {
      stop.abort();
    }
  }

  /** Appends the RUN_ERROR, again and again while the store refuses it. Resolves with whether. */
  async end({ message, code }: RunFailure): Promise<boolean> {
    const { clock, key, log, logger, logId, runId, signal } = this.#options;
    for (let waitMs = FIRST_RETRY_MS; ; waitMs = Math.min(waitMs * 2, MAX_RETRY_MS)) {
      const context = this.#context();
      const lines = this.#started ? [] : [runStarted(context)];
      lines.push(runError(context, message, code));
      try {
        await log.append(lines, { logId, durable: true });
        return true;
      } catch (error) {
        logger.error("run-end-not-stored", { ...key, runId, error });
        // the log is gone: there is nothing left to close
        if (hasCode(error, "log-fenced", "log-not-found")) return true;
        if (signal.aborted || hasCode(error, "store-closed")) return false;
        await pause(clock, waitMs, signal);
      }
    }
  }

  /** A small batch is written while the next one is parsed; a large one is gone before it comes. */
  async #storeAll(stream: RunnerStream, stop: AbortController): Promise<void> {
    let writing: Promise<unknown> = Promise.resolve();
    try {
      for await (const batch of stream.batches) {
        await writing;
        writing = this.#store(batch);
        // a failure ends the stream at once: its runner may have nothing more to say
        writing.catch((error: unknown) => stop.abort(error));
        // asking for the next batch tells the runner's client that this one takes no memory any more
        if (bytesOf(batch) > OVERLAP_BYTES) await writing;
      }
    } finally {
      await writing;
    }
  }

  async #store(batch: EventBatch): Promise<void> {
    const { log, logId, runId } = this.#options;
    let started = this.#started;
    let ended = this.#ended;
    for (const event of batch.events) {
      if (event.runId !== null && event.runId !== runId) continue;
      if (event.type === "RUN_STARTED") started = true;
      ended = TERMINALS.has(event.type);
    }
    await log.append(batch.lines, { logId, durable: ended });
    this.#started = started;
    this.#ended = ended;
  }

  #context(): ServerEventContext {
    const { clock, runId, threadId } = this.#options;
    return { threadId, runId, timestamp: clock.now() };
  }

  #failureOf(error: unknown): RunFailure {
    const code = error instanceof RunlogError ? error.code : "internal";
    switch (code) {
      case "runner-unreachable":
        return { message: "Runner is not available", code: "runner-unavailable" };
      case "runner-refused": {
        const status = Number(error instanceof RunlogError ? error.facts["status"] : 0);
        return { message: `Runner error: HTTP ${status}`, code: `runner-http-${status}` };
      }
      case "runner-disconnected":
        return UNFINISHED;
      case "internal":
        this.#options.logger.error("run-crashed", { ...this.#options.key, error });
        return { message: "Internal error", code: "internal" };
      default:
        return { message: "Event log could not be written", code: "store-failed" };
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
