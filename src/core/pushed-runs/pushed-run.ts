import type { Clock } from "../../ports/clock.ts";
import { CANCELLED, type RunEnd, PRODUCER_LOST, SHUTDOWN } from "../model/run-end-reasons.ts";
import { endRun } from "../runs/append-run-error.ts";
import type { RunOutcome } from "../runs/execute-run.ts";
import type { HeldRun, HeldWork } from "../runs/held-run.ts";
import type { MarkedRun } from "../log/open-run-marks.ts";

export interface PushedRunOptions {
  readonly runId: string;
  readonly threadId: string;
  readonly logId: string;
  readonly mark: MarkedRun;
  readonly knownEnd: number;
  readonly clock: Clock;
  /** How long in ms it may be silent. */
  readonly idleMs: number;
  /** Runs an operation when no batch of the session is being stored. */
  readonly inTurn: (operation: () => Promise<void>) => Promise<void>;
  /** Called when it is over, or left. */
  readonly onSettled: () => void;
}

/** An open run whose agent pushes its events. It ends by its terminal, from outside, or when its producer is silent for too long. */
export class PushedRun implements HeldRun {
  readonly runId: string;
  readonly threadId: string;
  readonly logId: string;
  readonly mark: MarkedRun;
  readonly knownEnd: number;
  readonly #options: PushedRunOptions;
  readonly #outcome: Promise<RunOutcome>;
  #resolve: (outcome: RunOutcome) => void = () => {};
  #isSettled = false;
  #held: HeldWork | null = null;
  #cancelIdle: () => void = () => {};

  constructor(options: PushedRunOptions) {
    this.runId = options.runId;
    this.threadId = options.threadId;
    this.logId = options.logId;
    this.mark = options.mark;
    this.knownEnd = options.knownEnd;
    this.#options = options;
    this.#outcome = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  /** Who pushes it; "" for a producer without a name. */
  get producerId(): string {
    return this.mark.pushedBy ?? "";
  }

  work(held: HeldWork): Promise<RunOutcome> {
    this.#held = held;
    const { signal, cancelled } = held;
    const onStop = (): void => {
      const reason: RunEnd = signal.reason;
      this.#endInTurn(reason);
    };
    if (signal.aborted) onStop();
    else signal.addEventListener("abort", onStop, { once: true });
    cancelled.addEventListener("abort", () => this.#endInTurn(CANCELLED), { once: true });
    this.touch();
    return this.#outcome;
  }

  /** Something was pushed: the time in which it may be silent begins anew. */
  touch(): void {
    const { clock, idleMs } = this.#options;
    this.#cancelIdle();
    if (this.#isSettled) return;
    this.#cancelIdle = clock.after(idleMs, () => this.#endInTurn(PRODUCER_LOST));
  }

  /** Ends it with an event of the server's own. Only in the session's turn. Never rejects. */
  async end(reason: RunEnd): Promise<void> {
    if (this.#isSettled) return;
    if (reason === SHUTDOWN) return this.settle("left-open");
    this.settle((await this.storeEnd(reason)) ? "ended" : "not-stored");
  }

  /** Stores such an event alone: the run stays its session's active one. Resolves with whether it is stored. */
  async storeEnd(reason: RunEnd): Promise<boolean> {
    return this.#held !== null && endRun(this.#held, reason, { started: true });
  }

  /** It is over, or is left to whoever finds its mark. */
  settle(outcome: RunOutcome): void {
    if (this.#isSettled) return;
    this.#isSettled = true;
    this.#cancelIdle();
    this.#options.onSettled();
    this.#resolve(outcome);
  }

  #endInTurn(reason: RunEnd): void {
    void this.#options.inTurn(() => this.end(reason));
  }
}
