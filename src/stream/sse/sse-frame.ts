import { grown, MAX_DIGITS, writeDecimal } from "../bytes/decimal.ts";

const LF = 10;
const DATA = new TextEncoder().encode("data: ");
const ID = new TextEncoder().encode("id: ");

/**
 * Frames a JSONL byte stream as server-sent events, whole chunks at a time: one chunk in, one out.
 *
 * Each line becomes `data: <line>` LF `id: <prefix><offset>` LF LF, where the offset is the position
 * after the line's LF. The id comes last because it is known only when the line has passed; so a
 * line of any length goes through without being held.
 */
export class SseFramer {
  readonly #idStart: Uint8Array;
  #offset: number;
  #atBoundary = true;

  /** `prefix` goes before the offset in each id; `offset` is that of the first byte pushed. */
  constructor(prefix: string, offset: number) {
    if (/[\r\n\0]/.test(prefix)) throw new TypeError("an event id holds no CR, LF or NUL");
    const encoded = new TextEncoder().encode(prefix);
    this.#idStart = new Uint8Array(ID.length + encoded.length);
    this.#idStart.set(ID);
    this.#idStart.set(encoded, ID.length);
    this.#offset = offset;
  }

  /** Whether the last byte pushed ended a line: only then may other frames be sent. */
  get atBoundary(): boolean {
    return this.#atBoundary;
  }

  /** The frames, or parts of frames, of `chunk`. The result is new memory. */
  push(chunk: Uint8Array): Uint8Array<ArrayBuffer> {
    const perLine = DATA.length + this.#idStart.length + MAX_DIGITS + 2;
    // room for lines of 200 bytes and more; short ones make it grow
    let out = new Uint8Array(chunk.length + perLine * (2 + Math.ceil(chunk.length / 200)));
    let length = 0;
    let from = 0;
    while (from < chunk.length) {
      const lineEnd = chunk.indexOf(LF, from);
      const to = lineEnd === -1 ? chunk.length : lineEnd + 1;
      const needed = length + (chunk.length - from) + perLine;
      if (needed > out.length) out = grown(out, length, needed);
      if (this.#atBoundary) {
        out.set(DATA, length);
        length += DATA.length;
      }
      out.set(from === 0 && to === chunk.length ? chunk : chunk.subarray(from, to), length);
      length += to - from;
      this.#offset += to - from;
      this.#atBoundary = lineEnd !== -1;
      if (this.#atBoundary) length = this.#writeId(out, length);
      from = to;
    }
    return length === out.length ? out : out.subarray(0, length);
  }

  #writeId(out: Uint8Array, at: number): number {
    out.set(this.#idStart, at);
    const end = writeDecimal(out, at + this.#idStart.length, this.#offset);
    out[end] = LF;
    out[end + 1] = LF;
    return end + 2;
  }
}

/**
 * An SSE comment: one `:` line for each line of `text`, at the head of the frame that comes next. A
 * blank line after it would make a frame without data, which some clients take for a message.
 */
export function sseComment(text: string): Uint8Array<ArrayBuffer> {
  const lines = text.split(/\r\n|\r|\n/).map((line) => `: ${line}\n`);
  return new TextEncoder().encode(lines.join(""));
}

/**
 * The reconnection hint: how many milliseconds a client should wait before it comes back. It is a line
 * of the frame that comes next.
 */
export function sseRetry(ms: number): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(`retry: ${Math.trunc(ms)}\n`);
}
