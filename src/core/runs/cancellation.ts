import type { Clock } from "../../ports/clock.ts";

/** How long an agent that was interrupted may take to end its run by itself. */
const INTERRUPTED_MS = 2_000;

/**
 * Whether a run is to be cancelled, and how: an agent that has answered is interrupted, if it can be, and
 * has 2 s to end its run by itself; then, or at once, the run's connection is closed. That is how agents
 * of AG-UI are stopped.
 */
export class Cancellation {
  readonly #connection = new AbortController();
  #isWanted = false;

  /** Whether the run is to be cancelled. */
  get isWanted(): boolean {
    return this.#isWanted;
  }

  /** Aborts when the run's connection is to be closed. */
  get signal(): AbortSignal {
    return this.#connection.signal;
  }

  /**
   * Cancels the run; a second time changes nothing. `interrupt` asks its agent, and resolves with whether
   * the agent has taken that; null: there is nobody to ask.
   */
  want(clock: Clock, interrupt: (() => Promise<boolean>) | null): void {
    if (this.#isWanted) return;
    this.#isWanted = true;
    const close = (): void => this.#connection.abort();
    if (!interrupt) return close();
    const cancelTimer = clock.after(INTERRUPTED_MS, close);
    interrupt().then(
      (isTaken) => {
        if (isTaken) return;
        cancelTimer();
        close();
      },
      // as one that was not taken: the timer closes it
      () => {},
    );
  }
}
