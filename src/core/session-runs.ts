import type { Caller } from "../ports/authorizer.ts";
import type { Clock } from "../ports/clock.ts";
import { hasCode, RunlogError } from "../ports/errors.ts";
import type { Logger } from "../ports/logger.ts";
import type { RunnerStream } from "../ports/runner-client.ts";
import type { SessionPlatform } from "../ports/session-platform.ts";
import { factsOfLine, hiddenMessage, messagesSnapshot } from "./event.ts";
import { endRun, type OpenRun } from "./end-run.ts";
import { carryRun } from "./run.ts";
import { type RunEnd, RunsEndedError } from "./run-ends.ts";
import type { RunInput } from "./run-input.ts";
import type { RunMarks } from "./run-marks.ts";
import type { EventLines, Session } from "./session.ts";
import { admitRun, findRun, withdrawRun } from "./session-state.ts";

/** A run that a client asks for. */
export interface RunRequest {
  readonly input: RunInput;
  readonly caller: Caller;
  /** Gives back the memory of the body, once the runner has it or never will. Idempotent. */
  readonly releaseBody: () => void;
}

/** The answer to an accepted run. */
export interface RunAccepted {
  readonly runId: string;
  readonly threadId: string;
}

/** A run that was admitted, and the log that it was admitted to. */
export interface AdmittedRun extends RunAccepted {
  readonly logId: string;
}

export interface SessionRunsOptions {
  readonly session: Session;
  readonly marks: RunMarks;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Runs that may wait behind the active one. */
  readonly queueLimit: number;
  /** Silence in ms that ends a run, or null for none. */
  readonly idleMs: number | null;
  /** How long in ms a run may take, or null for as long as it wants. */
  readonly maxMs: number | null;
  readonly platform: Pick<SessionPlatform, "noteActivity" | "podEnd">;
  /** How long in ms a run that has lost its runner waits for word of the pod. */
  readonly podGraceMs: number;
  /** Posts a run to the session's runner. */
  readonly connect: (request: RunRequest, signal: AbortSignal) => Promise<RunnerStream>;
  /** Told of each run that was admitted, once what its caller said is stored. */
  readonly onAdmitted: (run: AdmittedRun) => void;
  /** Told when a run has ended by itself and none waits; `reached`: its runner had answered. */
  readonly onFinished: (options: { readonly reached: boolean }) => void;
  /** Told when no run is active, waiting or wrapping up any more. */
  readonly onIdle: () => void;
}

interface Entry {
  readonly request: RunRequest;
  readonly accepted: Promise<RunAccepted>;
  /** Set once what its caller said is stored. */
  logId: string | null;
  /** Whether the runner has answered. */
  reached: boolean;
  /** Whether its RUN_FINISHED is stored. */
  isFinished: boolean;
}

/**
 * The runs of one session: one is active, a few wait in order, and each is remembered, so that the
 * same run posted again gets its first answer and nothing happens twice.
 */
export class SessionRuns {
  readonly #options: SessionRunsOptions;
  readonly #stop = new AbortController();
  #queue: Entry[] = [];
  #active: Entry | null = null;
  /** Runs that are being carried, by id: the active one and any that only wrap up. */
  readonly #carried = new Map<string, Promise<boolean>>();
  #admitting: Promise<unknown> = Promise.resolve();

  constructor(options: SessionRunsOptions) {
    this.#options = options;
  }

  /** The active run, or null. */
  get activeRun(): RunAccepted | null {
    if (!this.#active) return null;
    const { runId, threadId } = this.#active.request.input;
    return { runId, threadId };
  }

  get isIdle(): boolean {
    return this.#queue.length === 0 && this.#carried.size === 0;
  }

  /** Whether a run waits, or is active and not finished. */
  get isRunning(): boolean {
    return this.#queue.length > 0 || (this.#active !== null && !this.#active.isFinished);
  }

  /** Whether this run is active, waits or wraps up; null asks for any. */
  carries(runId: string | null): boolean {
    if (runId === null) return !this.isIdle;
    return this.#carried.has(runId) || this.#queue.some((run) => run.request.input.runId === runId);
  }

  /**
   * Admits a run; the session is loaded. Rejects with `run-active` when too many wait, with
   * `log-not-writable`, or with RunsEndedError: then nothing was started.
   */
  admit(request: RunRequest): Promise<RunAccepted> {
    const { runId, threadId } = request.input;
    const { session, queueLimit } = this.#options;
    const entries = this.#active ? [this.#active, ...this.#queue] : this.#queue;
    const twin = entries.find((entry) => entry.request.input.runId === runId);
    const known = findRun(session.state, runId);
    if (twin || known) {
      request.releaseBody();
      return twin?.accepted ?? Promise.resolve({ runId, threadId: known?.threadId || threadId });
    }
    if (this.#stop.signal.aborted) return Promise.reject(new RunsEndedError());
    const waiting = this.#queue.length - (this.#active ? 0 : 1);
    if (waiting >= queueLimit) return Promise.reject(tooMany(entries[0]?.request.input.runId));
    // one after the other, so that the log has them in the order in which they came
    const accepted = this.#admitting.then(() => this.#store(entry));
    this.#admitting = accepted.catch(() => {});
    const entry: Entry = {
      request,
      accepted,
      logId: null,
      reached: false,
      isFinished: false,
    };
    this.#queue.push(entry);
    accepted.then(
      () => this.#startNext(),
      () => this.#remove(entry),
    );
    return accepted;
  }

  /**
   * Ends every run that is active or waits, and refuses new ones. Resolves when all is stored, with the
   * number of runs whose end the store did not take: they are still open.
   */
  async end(reason: RunEnd): Promise<number> {
    this.#stop.abort(reason);
    await this.#admitting;
    const waiting = this.#queue;
    this.#queue = [];
    const ended = await Promise.all([
      ...this.#carried.values(),
      ...waiting.map((entry) =>
        this.#finish(entry, () => endRun(this.#runOf(entry), reason, { started: false })),
      ),
    ]);
    return ended.filter((isEnded) => !isEnded).length;
  }

  /** Stores what comes before the runner's events, under the mark that outlives a crash. */
  async #store(entry: Entry): Promise<RunAccepted> {
    const { marks, session } = this.#options;
    const { input } = entry.request;
    const { runId, threadId } = input;
    if (this.#stop.signal.aborted) throw new RunsEndedError();
    let logId: string | null = null;
    let isNew = false;
    try {
      isNew = (await session.load()) === null;
      logId = await session.loadOrCreate();
      await marks.markOpen(session.key, logId, runId, JSON.stringify({ threadId }));
      // with the mark this process has the session: what another one wrote before is known from here on
      await session.reload();
      session.update((state) => admitRun(state, runId, threadId));
      const said = this.#whatWasSaid(input);
      await session.append(said, { logId });
      for (const { id } of input.messages) session.messages.add(id);
      await session.save();
    } catch (cause) {
      session.update((state) => withdrawRun(state, runId));
      if (logId !== null) await this.#clearMark(logId, runId);
      if (logId !== null && isNew) await this.#discardLog(logId);
      // said as it is: the caller's next try may meet the process that has the session
      if (hasCode(cause, "log-not-owned")) throw cause;
      if (this.#stop.signal.aborted) throw new RunsEndedError({ cause });
      throw new RunlogError("log-not-writable", "Event log is not writable", { cause });
    }
    entry.logId = logId;
    this.#options.platform.noteActivity(session.key, "event");
    this.#options.onAdmitted({ runId, threadId, logId });
    return { runId, threadId };
  }

  /** The marks of hidden messages, and a snapshot of those that the log does not know yet. */
  #whatWasSaid({ runId, threadId, messages }: RunInput): EventLines {
    const { clock, session } = this.#options;
    const context = { threadId, runId, timestamp: clock.now() };
    const hidden = messages
      .filter((message) => message.hidden)
      .map(({ id }) => hiddenMessage(context, id));
    const unknown = messages.filter(({ id }) => !session.messages.has(id));
    const snapshot =
      unknown.length === 0
        ? []
        : messagesSnapshot(
            context,
            unknown.map(({ json }) => json),
          );
    const events = hidden.map((line) => factsOfLine(line));
    if (snapshot.length > 0) events.push(factsOfLine(...snapshot));
    return { lines: [...hidden, ...snapshot], events };
  }

  #startNext(): void {
    const next = this.#queue[0];
    if (this.#active || !next || next.logId === null || this.#stop.signal.aborted) return;
    this.#queue.shift();
    this.#active = next;
    const { idleMs, maxMs, platform, podGraceMs } = this.#options;
    void this.#finish(next, () =>
      carryRun({
        ...this.#runOf(next),
        idleMs,
        maxMs,
        platform,
        podGraceMs,
        onSlotFree: () => this.#freeSlot(next),
        onFinished: () => {
          next.isFinished = true;
          this.#options.session.log.wake();
        },
        connect: (signal) => this.#connect(next, signal),
      }),
    );
  }

  async #connect(entry: Entry, signal: AbortSignal): Promise<RunnerStream> {
    try {
      const stream = await this.#options.connect(entry.request, signal);
      entry.reached = true;
      return stream;
    } catch (error) {
      entry.reached = hasCode(error, "runner-refused", "runner-disconnected");
      throw error;
    }
  }

  /** Carries a run by `carry`, and clears up behind it. Resolves with whether it is over. */
  async #finish(entry: Entry, carry: () => Promise<boolean>): Promise<boolean> {
    const { request, logId } = entry;
    const carried = (async () => {
      const isEnded = await carry();
      request.releaseBody();
      // what is still open keeps its mark: a later start finds it there
      if (isEnded && logId !== null) await this.#clearMark(logId, request.input.runId);
      return isEnded;
    })();
    this.#carried.set(request.input.runId, carried);
    const isEnded = await carried;
    this.#carried.delete(request.input.runId);
    this.#freeSlot(entry);
    // whoever watches may have waited for the end of a run that nothing more is stored of
    this.#options.session.log.wake();
    if (this.isIdle) this.#options.onIdle();
    return isEnded;
  }

  #freeSlot(entry: Entry): void {
    if (this.#active !== entry) return;
    this.#active = null;
    this.#startNext();
    const isEndedFromOutside = this.#stop.signal.aborted;
    if (this.#active || this.#queue.length > 0 || isEndedFromOutside) return;
    this.#options.onFinished({ reached: entry.reached });
  }

  #remove(entry: Entry): void {
    this.#queue = this.#queue.filter((other) => other !== entry);
    this.#startNext();
    if (this.isIdle) this.#options.onIdle();
  }

  async #clearMark(logId: string, runId: string): Promise<void> {
    const { logger, marks, session } = this.#options;
    await marks.clearOpen(session.key, logId, runId).catch((error: unknown) => {
      // the next start finds the run ended, and clears the mark
      logger.warn("run-mark-not-cleared", { ...session.key, runId, error });
    });
  }

  /** A run that was refused, for want of room maybe, leaves no session that was not there before. */
  async #discardLog(logId: string): Promise<void> {
    const { logger, session } = this.#options;
    await session.discardEmpty(logId).catch((error: unknown) => {
      logger.warn("empty-log-not-removed", { ...session.key, error });
    });
  }

  #runOf(entry: Entry): OpenRun {
    const { session, clock, logger } = this.#options;
    const { runId, threadId } = entry.request.input;
    const { signal } = this.#stop;
    return { session, clock, logger, runId, threadId, signal, logId: entry.logId ?? "" };
  }
}

function tooMany(runId: string | undefined): RunlogError {
  return new RunlogError(
    "run-active",
    "Too many runs are waiting; the session is not available for another one",
    { runId },
  );
}
