import { TRAILER_MARK } from "./trailer.ts";

const LF = 10;

/** Bytes of events, and where in the log they are. */
export interface EventSpan {
  readonly start: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** Removes the trailers from a compact log that comes in chunks which break anywhere. */
export class EventSpans {
  #offset: number;
  #isAtLine = true;
  #isInTrailer = false;

  /** `offset` is that of the first byte pushed, which begins a line. */
  constructor(offset: number) {
    this.#offset = offset;
  }

  /** The parts of `chunk` that are events, as views of it. */
  push(chunk: Uint8Array<ArrayBuffer>): EventSpan[] {
    const spans: EventSpan[] = [];
    const put = (from: number, to: number): void => {
      if (from === to) return;
      spans.push({ start: this.#offset + from, bytes: chunk.subarray(from, to) });
    };
    let from = 0;
    while (from < chunk.length) {
      if (this.#isInTrailer || (this.#isAtLine && chunk[from] === TRAILER_MARK)) {
        const lf = chunk.indexOf(LF, from);
        this.#isInTrailer = lf === -1;
        from = lf === -1 ? chunk.length : lf + 1;
        this.#isAtLine = !this.#isInTrailer;
        continue;
      }
      const trailer = nextTrailer(chunk, from);
      put(from, trailer);
      this.#isAtLine = chunk[trailer - 1] === LF;
      from = trailer;
    }
    this.#offset += chunk.length;
    return spans;
  }
}

/** Where the next trailer after `from` begins, or the chunk's end. */
function nextTrailer(chunk: Uint8Array, from: number): number {
  for (let at = chunk.indexOf(TRAILER_MARK, from + 1); at !== -1;) {
    if (chunk[at - 1] === LF) return at;
    at = chunk.indexOf(TRAILER_MARK, at + 1);
  }
  return chunk.length;
}
