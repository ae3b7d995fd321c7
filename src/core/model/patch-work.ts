/** Work that one byte of text pays for. */
const WORK_PER_BYTE = 256;

/**
 * Work that patches may do (`workOf`). The text of documents and patches pays for it, so that the
 * time a log takes is bounded by its length, whatever its operations are.
 */
export class PatchWork {
  #left: number;

  /** @param first work that may be done before any text has paid for it. */
  constructor(first: number) {
    this.#left = first;
  }

  /** The work that may still be done; negative when the last patch took too much. */
  get left(): number {
    return this.#left;
  }

  /** Adds the work that so many bytes of text pay for. */
  earn(bytes: number): void {
    this.#left += WORK_PER_BYTE * bytes;
  }

  spend(work: number): void {
    this.#left -= work;
  }
}
