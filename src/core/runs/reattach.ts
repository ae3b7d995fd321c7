import type { Clock } from "../../ports/clock.ts";
import { hasCode, RunlogError } from "../../ports/errors.ts";
import type { RunnerStream } from "../../ports/runner-client.ts";
import { BackOff } from "../../stream/sync/back-off.ts";

export interface ReattachOptions {
  /** Asks the runner for the events after this id of its own, or for all. Throws what `RunnerClient` throws. */
  readonly resume: (after: string | null, signal: AbortSignal) => Promise<RunnerStream>;
  readonly clock: Clock;
  /** How long in ms a runner is asked again that does not answer. */
  readonly retryForMs: () => number;
}

const BACK_OFF = { firstMs: 500, maxMs: 5_000, factor: 1.5, jitter: 0.2 } as const;
/** A connection that lasted so long was a good one, though nothing came. */
const GOOD_MS = 10_000;

/**
 * Takes the stream of a run up again and again, with longer and longer pauses while nothing comes of it.
 */
export class Reattach {
  readonly #options: ReattachOptions;
  #lostSinceMs: number | null = null;
  #openedMs: number | null = null;
  readonly #backOff = new BackOff(BACK_OFF);
  #isAtOnce: boolean;

  /** `isAtOnce`: the first time without a pause, since no connection has just broken. */
  constructor(options: ReattachOptions, { isAtOnce }: { readonly isAtOnce: boolean }) {
    this.#options = options;
    this.#isAtOnce = isAtOnce;
  }

  /** Something was stored of the connection. */
  noteNews(): void {
    this.#lostSinceMs = null;
    this.#backOff.reset();
  }

  /**
   * Resolves with a connection. Throws `runner-disconnected` when the runner no longer has the run
   * (`facts.isLost`), or could not be asked for too long; `agent-not-configured`; and the signal's reason.
   */
  async open(after: string | null, signal: AbortSignal): Promise<RunnerStream> {
    const { clock, retryForMs, resume } = this.#options;
    if (this.#openedMs !== null && clock.now() - this.#openedMs >= GOOD_MS) this.noteNews();
    this.#lostSinceMs ??= clock.now();
    for (;;) {
      if (!this.#isAtOnce) await this.#backOff.pause(clock, signal);
      this.#isAtOnce = false;
      signal.throwIfAborted();
      try {
        const stream = await resume(after, signal);
        this.#openedMs = clock.now();
        return stream;
      } catch (cause) {
        if (signal.aborted || !(cause instanceof RunlogError)) throw cause;
        // nobody is asked who is not configured
        if (cause.code === "agent-not-configured") throw cause;
        if (hasCode(cause, "runner-refused") && GONE.has(cause.facts["status"]))
          throw new RunlogError("runner-disconnected", "the runner no longer has the run", {
            cause,
            isLost: true,
          });
        if (clock.now() - this.#lostSinceMs >= retryForMs())
          throw new RunlogError("runner-disconnected", "the runner was away for too long", {
            cause,
          });
      }
    }
  }
}

const GONE: ReadonlySet<unknown> = new Set([404, 410]);
