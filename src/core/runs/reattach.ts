import type { Clock } from "../../ports/clock.ts";
import { hasCode, RunlogError } from "../../ports/errors.ts";
import type { RunnerStream } from "../../ports/runner-client.ts";
import { pause } from "../../stream/sync/pause.ts";

export interface ReattachOptions {
  /** Asks the runner for the events after this id of its own, or for all. Throws what `RunnerClient` throws. */
  readonly resume: (after: string | null, signal: AbortSignal) => Promise<RunnerStream>;
  readonly clock: Clock;
  /** How long in ms a runner is asked again that does not answer. */
  readonly patienceMs: () => number;
}

const FIRST_WAIT_MS = 500;
const WAIT_FACTOR = 1.5;
const MAX_WAIT_MS = 5_000;
/** A wait is shorter by up to this part of it, so that the runs of a runner do not all come at once. */
const JITTER = 0.2;
/** A connection that lasted so long was a good one, though nothing came. */
const GOOD_MS = 10_000;

/**
 * Takes the stream of a run up again and again, with longer and longer pauses while nothing comes of it.
 */
export class Reattach {
  readonly #options: ReattachOptions;
  #lostSinceMs: number | null = null;
  #openedMs: number | null = null;
  #waitMs: number | null;

  /** `isAtOnce`: the first time without a pause, since no connection has just broken. */
  constructor(options: ReattachOptions, { isAtOnce }: { readonly isAtOnce: boolean }) {
    this.#options = options;
    this.#waitMs = isAtOnce ? null : FIRST_WAIT_MS;
  }

  /** Something was stored of the connection. */
  noteNews(): void {
    this.#lostSinceMs = null;
    this.#waitMs = FIRST_WAIT_MS;
  }

  /**
   * Resolves with a connection. Throws `runner-disconnected` when the runner no longer has the run
   * (`facts.isLost`), or could not be asked for too long; and the signal's reason.
   */
  async open(after: string | null, signal: AbortSignal): Promise<RunnerStream> {
    const { clock, patienceMs, resume } = this.#options;
    if (this.#openedMs !== null && clock.now() - this.#openedMs >= GOOD_MS) this.noteNews();
    this.#lostSinceMs ??= clock.now();
    for (;;) {
      await this.#pause(signal);
      signal.throwIfAborted();
      try {
        const stream = await resume(after, signal);
        this.#openedMs = clock.now();
        return stream;
      } catch (cause) {
        if (signal.aborted || !(cause instanceof RunlogError)) throw cause;
        if (hasCode(cause, "runner-refused") && GONE.has(cause.facts["status"]))
          throw new RunlogError("runner-disconnected", "the runner no longer has the run", {
            cause,
            isLost: true,
          });
        if (clock.now() - this.#lostSinceMs >= patienceMs())
          throw new RunlogError("runner-disconnected", "the runner was away for too long", {
            cause,
          });
      }
    }
  }

  async #pause(signal: AbortSignal): Promise<void> {
    const waitMs = this.#waitMs;
    this.#waitMs = waitMs === null ? FIRST_WAIT_MS : Math.min(waitMs * WAIT_FACTOR, MAX_WAIT_MS);
    if (waitMs === null) return;
    await pause(waitMs * (1 - JITTER * Math.random()), this.#options.clock, signal);
  }
}

const GONE: ReadonlySet<unknown> = new Set([404, 410]);
