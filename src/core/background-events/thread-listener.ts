import { hasCode, RunlogError } from "../../ports/errors.ts";
import type { LogStore, SessionKey } from "../../ports/log-store.ts";
import type { RunnerClient } from "../../ports/runner-client.ts";
import type { SessionDirectory } from "../../ports/session-directory.ts";
import { BackOff } from "../../stream/sync/back-off.ts";
import {
  BackgroundEventWriter,
  type BackgroundEventWriterOptions,
} from "./background-event-writer.ts";
import { threadNoteKey } from "../log/open-run-marks.ts";
import { LOST_RUN, type RunEnd, SHUTDOWN, UNFINISHED } from "../model/run-end-reasons.ts";

export interface ThreadListenerOptions extends BackgroundEventWriterOptions {
  readonly directory: Pick<SessionDirectory, "addressOf">;
  readonly runner: Pick<RunnerClient, "listen">;
  /** Addresses of sessions whose runner has no background events. */
  readonly deaf: DeafRunners;
  readonly store: Pick<LogStore, "stat">;
  /** How long in ms an open run waits for a runner that can be asked for the rest of it. */
  readonly reattachMs: number;
}

/** The runners known to have no `events` path: one address for each session. */
export interface DeafRunners {
  has(key: SessionKey, address: string): boolean;
  note(key: SessionKey, address: string): void;
}

const BACK_OFF = { firstMs: 1_000, maxMs: 30_000, factor: 1.5, jitter: 0.2 } as const;

/**
 * Subscribes to one thread. It connects again and again, always after a pause, until it is hung up,
 * the runner answers that it has no background events, or the log is deleted.
 */
export class ThreadListener {
  readonly #options: ThreadListenerOptions;
  readonly #stop = new AbortController();
  #reason: RunEnd = UNFINISHED;
  #events: BackgroundEventWriter | null = null;
  /** The runner's id of the last event, if it can be asked for what comes after it. */
  #lastId: string | null = null;
  #isResumable = false;
  /** Since when a runner that can be asked again has been away, or null. */
  #awaySinceMs: number | null = null;
  /** A run of which an earlier process has stored the beginning. */
  #takenUp: string | null = null;
  /** Whether the log may have events of the runner's that came to another process. */
  #isBehind = true;
  /** Where the log ended when it was found out which of them it has. */
  #knownEnd = 0;
  /** Settles, and never rejects, when everything that was received is stored. */
  readonly done: Promise<void>;

  /** Begins once `after` has settled. */
  constructor(options: ThreadListenerOptions, after: Promise<void>) {
    this.#options = options;
    this.done = after.then(() => this.#listen());
  }

  /** The open run that the runner began by itself, or null. */
  get openRun(): string | null {
    return this.#events?.openRun ?? this.#takenUp;
  }

  /** Takes up a run that the runner began by itself; false if another one is open. */
  takeUp(runId: string): boolean {
    if (this.#events !== null) return this.#isResumable && this.#events.takeUp(runId);
    if (this.#takenUp !== null) return false;
    this.#takenUp = runId;
    this.#isResumable = true;
    return true;
  }

  /** Whether it is subscribed to this thread, or will be after a pause. */
  isFor({ logId, threadId }: Pick<ThreadListenerOptions, "logId" | "threadId">): boolean {
    const { logId: ownLog, threadId: ownThread } = this.#options;
    return !this.#stop.signal.aborted && logId === ownLog && threadId === ownThread;
  }

  /** Closes the connection; a run that is then open ends with `reason`. */
  hangUp(reason: RunEnd): void {
    if (this.#stop.signal.aborted) return;
    this.#reason = reason;
    this.#stop.abort();
  }

  async #listen(): Promise<void> {
    const { signal } = this.#stop;
    const backOff = new BackOff(BACK_OFF);
    while (!signal.aborted) {
      const { delivered, isOver } = await this.#connect();
      if (isOver) return;
      if (delivered) backOff.reset();
      await backOff.pause(this.#options.clock, signal);
    }
  }

  /**
   * Finds out where an earlier connection to a runner that can be asked again has ended, here or in another process. Throws
   * `log-not-found` if the log is gone, and what the store throws.
   */
  async #recall(events: BackgroundEventWriter): Promise<void> {
    const { key, logId, store, threadId } = this.#options;
    const stat = await store.stat(key);
    if (stat?.logId !== logId) throw new RunlogError("log-not-found", "The log was deleted");
    const noteKey = threadNoteKey(threadId);
    this.#lastId = stat.notes.find((note) => note.key === noteKey)?.text ?? null;
    this.#isResumable ||= this.#lastId !== null;
    this.#knownEnd = stat.end.raw;
    await events.catchUp(this.#knownEnd);
    this.#isBehind = false;
  }

  /** Another process has appended to the log, or it is gone: recalls what it has. Never rejects. */
  async #isGone(events: BackgroundEventWriter): Promise<boolean> {
    this.#isBehind = true;
    // what fails otherwise is tried again before the next connection
    return this.#recall(events).then(() => false, isFinal);
  }

  #newWriter(): BackgroundEventWriter {
    const takenUp = this.#takenUp;
    this.#takenUp = null;
    return new BackgroundEventWriter(this.#options, takenUp, this.#knownEnd);
  }

  /** One connection, from the attempt to its end. Never rejects. */
  async #connect(): Promise<{ readonly delivered: boolean; readonly isOver: boolean }> {
    const { deaf, directory, key, logger, runner, threadId } = this.#options;
    const { signal } = this.#stop;
    const events = (this.#events ??= this.#newWriter());
    let delivered = false;
    let isOver = false;
    let isLost = false;
    let address: string | null = null;
    try {
      if (this.#isBehind) await this.#recall(events);
      address = await directory.addressOf(key);
      if (deaf.has(key, address)) isOver = true;
      else {
        const after = this.#lastId;
        const stream = await runner.listen({ key, address, threadId, after, signal });
        this.#isResumable = stream.isResumable === true;
        this.#awaySinceMs = null;
        for await (const batch of stream.batches) {
          delivered = true;
          const { lastId = null } = batch;
          this.#isResumable &&= lastId !== null;
          await events.store(batch, this.#isResumable ? lastId : null);
          this.#lastId = this.#isResumable ? lastId : null;
        }
      }
    } catch (error) {
      isOver = isFinal(error) || (hasCode(error, "log-fenced") && (await this.#isGone(events)));
      isLost = isOver || (hasCode(error, "runner-refused") && error.facts["status"] === GONE);
      if (address !== null && isDeaf(error)) deaf.note(key, address);
      if (!signal.aborted && !isOver && !hasCode(error, ...EXPECTED))
        logger.warn("between-runs-failed", { ...key, error });
    }
    await this.#afterConnection(events, isLost);
    return { delivered, isOver };
  }

  /** Ends the open run, unless its runner can be asked for the rest of it. */
  async #afterConnection(events: BackgroundEventWriter, isLost: boolean): Promise<void> {
    const { clock, reattachMs } = this.#options;
    if (this.#isResumable && this.#stop.signal.aborted && this.#reason === SHUTDOWN)
      return events.leave();
    this.#awaySinceMs ??= clock.now();
    const isAway = clock.now() - this.#awaySinceMs >= reattachMs;
    if (this.#isResumable && !isLost && !isAway && !this.#stop.signal.aborted) return;
    // what the runner has from now on is all that there is
    if (isLost) this.#lastId = null;
    const reason = this.#isResumable && isLost ? LOST_RUN : this.#reason;
    await events.end(reason);
    this.#events = null;
  }
}

/** Whether there is nothing to subscribe to, until the next run or for ever. */
function isFinal(error: unknown): boolean {
  if (hasCode(error, "log-not-found", "log-not-owned", "store-closed")) return true;
  if (hasCode(error, "agent-not-configured")) return true;
  if (isDeaf(error)) return true;
  return hasCode(error, "runner-refused") && FINAL_STATUS.has(error.facts["status"]);
}

/** Whether the runner has no such path, or another resource there. */
function isDeaf(error: unknown): boolean {
  if (hasCode(error, "runner-not-an-event-stream", "runner-address-unfit")) return true;
  if (!hasCode(error, "runner-refused") || error.facts["isAsked"] === false) return false;
  return DEAF_STATUS.has(error.facts["status"]);
}

const DEAF_STATUS: ReadonlySet<unknown> = new Set([404, 405]);
const FINAL_STATUS: ReadonlySet<unknown> = new Set([404, 503]);
/** The runner no longer has all that comes after the id. */
const GONE = 410;
const EXPECTED = [
  "runner-unreachable",
  "runner-refused",
  "runner-disconnected",
  "log-fenced",
] as const;
