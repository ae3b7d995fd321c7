import type { LogName } from "../../ports/log-store.ts";
import type { LineRange } from "./held-events.ts";
import { MAX_EVENT_BYTES } from "./repair/max-event-bytes.ts";

/** A line of a log and where it lies; its LF is in the range but not in the bytes. */
export interface SplitLine extends LineRange {
  /**
   * The line, in pieces that are valid until the next chunk; null when it is longer than an event
   * may be.
   */
  readonly pieces: readonly Uint8Array<ArrayBuffer>[] | null;
}

const LF = 10;

/** Cuts the chunks of one log into lines. Holds at most one line, of at most the largest event. */
export class LineSplitter {
  readonly #log: LogName;
  #offset: number;
  #start: number;
  #pieces: Uint8Array<ArrayBuffer>[] = [];
  #carried = 0;

  /** `offset` is that of the first byte pushed, where a line begins. */
  constructor(log: LogName, offset: number) {
    this.#log = log;
    this.#offset = offset;
    this.#start = offset;
  }

  /** Bytes held of a line that goes on in the next chunk. */
  get carried(): number {
    return this.#carried;
  }

  /** Cuts a chunk that begins at the offset `start`, which may be after a gap between lines. */
  *push(
    chunk: Uint8Array<ArrayBuffer>,
    start: number = this.#offset,
  ): Generator<SplitLine, void, undefined> {
    if (start !== this.#offset) {
      this.#offset = start;
      this.#start = start;
    }
    for (let from = 0; from < chunk.length;) {
      const lineEnd = chunk.indexOf(LF, from);
      if (lineEnd === -1) {
        this.#carry(chunk.subarray(from));
        break;
      }
      const part = chunk.subarray(from, lineEnd);
      this.#offset += part.length + 1;
      from = lineEnd + 1;
      const range = { log: this.#log, start: this.#start, end: this.#offset };
      this.#start = this.#offset;
      const isLarge = range.end - range.start - 1 > MAX_EVENT_BYTES;
      const pieces = isLarge ? null : [...this.#pieces, part];
      this.#pieces = [];
      this.#carried = 0;
      yield { ...range, pieces };
    }
  }

  #carry(rest: Uint8Array<ArrayBuffer>): void {
    this.#offset += rest.length;
    if (this.#offset - this.#start > MAX_EVENT_BYTES) {
      this.#pieces = [];
      this.#carried = 0;
      return;
    }
    // a copy: the reader uses its buffer again
    this.#pieces.push(rest.slice());
    this.#carried += rest.length;
  }
}
