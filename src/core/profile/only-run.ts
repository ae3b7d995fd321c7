import { isTerminal } from "../model/run-span.ts";

/** Decides which lines of a log belong to the one run that a stream sends. */
export class OnlyRun {
  readonly #runId: string;
  #isInterrupted = false;
  #isDone = false;

  constructor(runId: string) {
    this.#runId = runId;
  }

  /** Whether the run has been sent completely. */
  get isDone(): boolean {
    return this.#isDone;
  }

  /** The run has its terminal. */
  over(): void {
    this.#isDone = true;
  }

  /**
   * Whether a line that names this run, or none (""), belongs to the run; `isOpen` is whether the
   * run is open.
   */
  concerns(runId: string, isOpen: boolean): boolean {
    if (this.#isDone) return false;
    return runId === "" ? isOpen && !this.#isInterrupted : runId === this.#runId;
  }

  /**
   * Whether a line begins or ends the run. While another run is open, lines that name no run do not
   * belong to this one.
   */
  takes(
    type: string,
    { runId, endsAll }: { readonly runId: string; readonly endsAll: boolean },
    isOpen: boolean,
  ): boolean {
    if (this.#isDone) return false;
    if (runId === this.#runId || (endsAll && isOpen)) return true;
    this.#isInterrupted = !isTerminal({ type });
    return false;
  }
}
