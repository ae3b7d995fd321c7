import { grown, MAX_DIGITS, writeDecimal } from "../stream/bytes/decimal.ts";

const LF = 0x0a;
const CR = 0x0d;
const ID = "id: ";
/** Frames of some tokens are about so long; shorter ones make the output grow. */
const USUAL_FRAME_BYTES = 100;
/** What a stamper keeps to work in: what it gives has the length that it needs. */
const MAX_SCRATCH_BYTES = 256 * 1024;

/**
 * Puts an id into every frame of an event stream, whole chunks at a time. The lines of a frame stay as
 * they are, but end with LF; its last line becomes `id: <tag>-<offset>`, where the offset is that of the
 * id's own line in the output. A line of any length passes without being held.
 */
export class FrameStamper {
  readonly #idStart: Uint8Array;
  #offset: number;
  #frameEnd: number;
  /** The open frame has a line that has ended, and its last line has begun. */
  #hasLine = false;
  #isInLine = false;
  /** The last chunk ended with a CR: an LF that comes next belongs to it. */
  #isAfterCr = false;
  #scratch: Uint8Array<ArrayBuffer> = new Uint8Array(0);

  /** `offset` is that of the first byte of output, at which no frame is open. */
  constructor(tag: string, offset: number) {
    this.#idStart = new TextEncoder().encode(`${ID}${tag}-`);
    this.#offset = offset;
    this.#frameEnd = offset;
  }

  /** Offset after the last whole frame. */
  get frameEnd(): number {
    return this.#frameEnd;
  }

  /** The output of `chunk`, as new memory. */
  push(chunk: Uint8Array): Uint8Array<ArrayBuffer> {
    const { length } = chunk;
    const perFrame = this.#idStart.length + MAX_DIGITS + 3;
    const usual = length + perFrame * (2 + Math.ceil(length / USUAL_FRAME_BYTES));
    let out = this.#scratch;
    if (usual > out.length) out = new Uint8Array(usual);
    let written = 0;
    let at = this.#isAfterCr && chunk[0] === LF ? 1 : 0;
    if (length > 0) this.#isAfterCr = false;
    let lf = -1;
    let cr = -1;
    while (at < length) {
      if (lf < at) lf = indexOrLength(chunk, LF, at);
      if (cr < at) cr = indexOrLength(chunk, CR, at);
      const lineEnd = Math.min(lf, cr);
      const needed = written + (length - at) + perFrame;
      if (needed > out.length) out = grown(out, written, needed);
      if (lineEnd > at) {
        out.set(chunk.subarray(at, lineEnd), written);
        written += lineEnd - at;
        this.#isInLine = true;
      }
      if (lineEnd === length) break;
      written = this.#endLine(out, written);
      at = lineEnd + 1;
      if (lineEnd === lf) continue;
      if (at === length) this.#isAfterCr = true;
      else if (chunk[at] === LF) at++;
    }
    if (out.length <= MAX_SCRATCH_BYTES) this.#scratch = out;
    return this.#taken(out, written);
  }

  /** Ends the stream: a frame that its blank line did not end is ended as if it had. */
  finish(): Uint8Array<ArrayBuffer> {
    const out = new Uint8Array(this.#idStart.length + MAX_DIGITS + 3);
    let written = this.#isInLine ? this.#endLine(out, 0) : 0;
    written = this.#endLine(out, written);
    this.#isAfterCr = false;
    return this.#taken(out, written);
  }

  #taken(out: Uint8Array<ArrayBuffer>, written: number): Uint8Array<ArrayBuffer> {
    this.#offset += written;
    return out.slice(0, written);
  }

  #endLine(out: Uint8Array, at: number): number {
    if (this.#isInLine) {
      this.#isInLine = false;
      this.#hasLine = true;
      out[at] = LF;
      return at + 1;
    }
    if (!this.#hasLine) return at;
    this.#hasLine = false;
    out.set(this.#idStart, at);
    const end = writeDecimal(out, at + this.#idStart.length, this.#offset + at);
    out[end] = LF;
    out[end + 1] = LF;
    this.#frameEnd = this.#offset + end + 2;
    return end + 2;
  }
}

/** The end of a frame as it lies in the output. */
export interface StampedId {
  /** Offset and text of the id's line, with the blank line after it. */
  readonly offset: number;
  readonly text: string;
}

/** Where an id lies that a stamper with this tag may have made; null for any other text. */
export function readStampedId(id: string, tag: string): StampedId | null {
  const [, itsTag, digits] = /^([a-z0-9]{8})-(0|[1-9]\d{0,14})$/.exec(id) ?? [];
  if (itsTag !== tag || digits === undefined) return null;
  return { offset: Number(digits), text: `${ID}${id}\n\n` };
}

/** Whether the output that ends at offset `end` with `tail` ends with a whole frame. */
export function endsWithFrame(tail: string, tag: string, end: number): boolean {
  const [text = "", id = ""] = /id: (\S+)\n\n$/.exec(tail) ?? [];
  return readStampedId(id, tag)?.offset === end - text.length;
}

function indexOrLength(chunk: Uint8Array, byte: number, from: number): number {
  const index = chunk.indexOf(byte, from);
  return index < 0 ? chunk.length : index;
}
