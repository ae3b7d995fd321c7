/** So much work each byte of text pays for. */
const WORK_PER_BYTE = 256;

/**
 * Work that patches may do (`workOf`). The text of documents and patches pays for it: whatever operations
 * do, a log takes time as it is long.
 */
export class PatchWork {
  #left: number;

  /** @param first work that may be done before any text has paid for it. */
  constructor(first: number) {
    this.#left = first;
  }

  /** What may still be done; less than nothing when the last patch took too much. */
  get left(): number {
    return this.#left;
  }

  /** Text of so many bytes has come. */
  earn(bytes: number): void {
    this.#left += WORK_PER_BYTE * bytes;
  }

  spend(work: number): void {
    this.#left -= work;
  }
}
