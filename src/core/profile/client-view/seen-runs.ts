import { hashText } from "../../model/posted-message-ids.ts";

/** Ids of runs that are remembered. */
const MAX_RUNS = 16_384;

/** The runs that have begun, the latest of them, as hashes. */
export class SeenRuns {
  readonly #hashes = new Set<number>();
  /** The same in the order in which they began, the oldest at `#next` once it is full. */
  readonly #latest: number[] = [];
  #next = 0;
  #count = 0;

  has(runId: string): boolean {
    return this.#hashes.has(hashText(runId));
  }

  /** How many have begun. */
  get count(): number {
    return this.#count;
  }

  /** The hashes of those that have begun after the first `count`, as far as they are remembered. */
  since(count: number): number[] {
    const latest = [...this.#latest.slice(this.#next), ...this.#latest.slice(0, this.#next)];
    return latest.slice(Math.max(0, latest.length - (this.#count - count)));
  }

  /** Adds what `since` gave. */
  restore(hashes: readonly number[]): void {
    for (const hash of hashes) this.#add(hash);
  }

  add(runId: string): void {
    this.#add(hashText(runId));
  }

  #add(hash: number): void {
    if (this.#hashes.has(hash)) return;
    this.#count++;
    this.#hashes.add(hash);
    // finding the first of a set takes as long as many were deleted before it
    const oldest = this.#latest[this.#next];
    if (oldest !== undefined) this.#hashes.delete(oldest);
    this.#latest[this.#next] = hash;
    this.#next = (this.#next + 1) % MAX_RUNS;
  }
}
