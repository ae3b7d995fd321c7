import { hashText } from "../known-messages.ts";

/** Ids of runs that are remembered. */
const MAX_RUNS = 16_384;

/** The runs that have begun, the latest of them, as hashes. */
export class SeenRuns {
  readonly #hashes = new Set<number>();

  has(runId: string): boolean {
    return this.#hashes.has(hashText(runId));
  }

  add(runId: string): void {
    this.#hashes.add(hashText(runId));
    if (this.#hashes.size <= MAX_RUNS) return;
    for (const oldest of this.#hashes) {
      this.#hashes.delete(oldest);
      return;
    }
  }
}
