import { BackOff } from "../stream/sync/back-off.ts";
import { pause } from "../stream/sync/pause.ts";
import { systemClock } from "../stream/sync/system-clock.ts";
import { SessionClientError } from "./client-error.ts";
import type { ConnectionOptions } from "./requests.ts";

const PATIENCE_MS = 300_000;
/** Pauses before a server that is away is asked again, in ms. */
const PAUSES = { firstMs: 250, factor: 2, maxMs: 5_000, jitter: 0.5 } as const;

/** How long somebody tries on, from the last time that something worked. */
export class Patience {
  readonly #backOff = new BackOff(PAUSES);
  readonly #ms: number;
  readonly #signal: AbortSignal | null;
  #since: number | null = null;

  constructor(
    { patienceMs = PATIENCE_MS }: Pick<ConnectionOptions, "patienceMs">,
    signal: AbortSignal | null = null,
  ) {
    this.#ms = patienceMs;
    this.#signal = signal;
  }

  /** Something came. */
  worked(): void {
    this.#since = null;
    this.#backOff.reset();
  }

  /**
   * Waits before the next try, or until the signal aborts. `error` is why it is needed; null for a connection that
   * broke. Throws it where another try is in vain or has been for too long.
   */
  async pause(error: unknown = null): Promise<void> {
    const isKnown = error instanceof SessionClientError;
    if (error !== null && !(isKnown && error.isTransient)) throw error;
    this.#since ??= systemClock.now();
    const next = Math.max(this.#backOff.next(), (isKnown && error.retryAfterMs) || 0);
    if (error !== null && systemClock.now() + next - this.#since > this.#ms) throw error;
    await pause(next, systemClock, this.#signal);
  }
}

/** Tries until it works. Throws what `Patience` throws, and the signal's reason. */
export async function insist<T>(
  attempt: () => Promise<T>,
  options: Pick<ConnectionOptions, "patienceMs">,
  signal: AbortSignal | null = null,
): Promise<T> {
  const patience = new Patience(options, signal);
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      signal?.throwIfAborted();
      await patience.pause(error);
    }
  }
}
