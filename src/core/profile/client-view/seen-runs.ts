import { hashText } from "../../model/posted-message-ids.ts";

/** Ids of runs that are remembered. */
const MAX_RUNS = 16_384;

/** The runs that have begun, the latest of them, as hashes. */
export class SeenRuns {
  readonly #hashes = new Set<number>();
  /** The same in the order in which they began, the oldest at `#next` once it is full. */
  readonly #latest: number[] = [];
  #next = 0;

  has(runId: string): boolean {
    return this.#hashes.has(hashText(runId));
  }

  add(runId: string): void {
    const hash = hashText(runId);
    if (this.#hashes.has(hash)) return;
    this.#hashes.add(hash);
    // finding the first of a set takes as long as many were deleted before it
    const oldest = this.#latest[this.#next];
    if (oldest !== undefined) this.#hashes.delete(oldest);
    this.#latest[this.#next] = hash;
    this.#next = (this.#next + 1) % MAX_RUNS;
  }
}
