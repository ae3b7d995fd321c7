import { isTerminal } from "../model/run-span.ts";

/** Which lines of a log belong to the one run that a stream tells. */
export class OnlyRun {
  readonly #runId: string;
  #isInterrupted = false;
  #isDone = false;

  constructor(runId: string) {
    this.#runId = runId;
  }

  /** Whether nothing more of the run is sent. */
  get isDone(): boolean {
    return this.#isDone;
  }

  /** The run has its terminal. */
  over(): void {
    this.#isDone = true;
  }

  /** Whether a line that names this run, or none (""), has something to do with the run; `isOpen` says if it is. */
  concerns(runId: string, isOpen: boolean): boolean {
    if (this.#isDone) return false;
    return runId === "" ? isOpen && !this.#isInterrupted : runId === this.#runId;
  }

  /**
   * Whether a line begins or ends the run. While another one goes on, what names no run is none of this
   * one's.
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
