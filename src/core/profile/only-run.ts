/** Which lines of a log belong to the one run that a stream tells. */
export class OnlyRun {
  readonly #runId: string;
  #isInterrupted = false;
  #isDone = false;

  constructor(runId: string) {
    this.#runId = runId;
  }

  /** Whether nothing more of the run is told. */
  get isDone(): boolean {
    return this.#isDone;
  }

  /** The run has its terminal. */
  over(): void {
    this.#isDone = true;
  }

  /** Whether a line that names this run, or none, has something to do with the run; `isOpen` says if it is. */
  concerns(runId: string | null, isOpen: boolean): boolean {
    if (this.#isDone) return false;
    const isUnnamed = runId === null || runId === "";
    return isUnnamed ? isOpen && !this.#isInterrupted : runId === this.#runId;
  }

  /** A line that does not concern the run: while another goes on, what names no run is none of this one's. */
  pass(type: string): void {
    if (type === "RUN_STARTED") this.#isInterrupted = true;
    else if (type === "RUN_FINISHED" || type === "RUN_ERROR") this.#isInterrupted = false;
  }
}
