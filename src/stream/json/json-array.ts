const LF = 10;
const COMMA = 0x2c;

/**
 * Turns JSONL into the inside of a JSON array: each LF between two lines becomes a comma, the last
 * one is removed. Changes the chunks in place, so that no line is copied; the caller must own them.
 */
export class JsonArrayJoiner {
  #left: number;

  /** `length` is the number of bytes to come; the last of them is the LF of the last line. */
  constructor(length: number) {
    this.#left = length;
  }

  /** The chunk with its separators changed; shorter by the last LF at the very end. */
  push(chunk: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
    this.#left -= chunk.length;
    const last = this.#left <= 0;
    const to = last ? chunk.length - 1 : chunk.length;
    for (let at = chunk.indexOf(LF); at !== -1 && at < to; at = chunk.indexOf(LF, at + 1))
      chunk[at] = COMMA;
    return last ? chunk.subarray(0, to) : chunk;
  }
}
