import { concatBytes } from "./concat.ts";

// Decoding into a string that nobody reads is the fastest check there is, but the string fills the young heap: what
// is ASCII, as most is, is found out four bytes at a time instead.
const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const lenient = new TextDecoder("utf-8", { ignoreBOM: true });
const encoder = new TextEncoder();

const NOTHING = new Uint8Array(0);

/**
 * Makes a stream of bytes well-formed UTF-8. Well-formed bytes pass unchanged; the others become
 * U+FFFD exactly where a TextDecoder over the whole stream would put it. A byte order mark is kept.
 *
 * A sequence that a chunk leaves incomplete, three bytes at most, waits for the next chunk. Memory
 * is otherwise that of one chunk.
 */
export class Utf8Repair {
  #tail: Uint8Array = NOTHING;
  #repaired = 0;

  /** Chunks so far, `finish` counted as one, in which something was replaced. */
  get repaired(): number {
    return this.#repaired;
  }

  /**
   * The well-formed form of the next bytes: `chunk` itself or a view of it when nothing had to be
   * done, else an array of its own.
   */
  push(chunk: Uint8Array): Uint8Array {
    const bytes = this.#tail.length > 0 ? concatBytes([this.#tail, chunk]) : chunk;
    const end = bytes.length - incompleteLength(bytes);
    this.#tail = end < bytes.length ? bytes.slice(end) : NOTHING;
    return this.#checked(end < bytes.length ? bytes.subarray(0, end) : bytes);
  }

  /**
   * Ends the stream: returns the replacement of a sequence that was left incomplete, mostly
   * nothing.
   */
  finish(): Uint8Array {
    const tail = this.#tail;
    this.#tail = NOTHING;
    return this.#checked(tail);
  }

  #checked(bytes: Uint8Array): Uint8Array {
    if (isAscii(bytes)) return bytes;
    try {
      strict.decode(bytes);
      return bytes;
    } catch {
      this.#repaired++;
      return encoder.encode(lenient.decode(bytes));
    }
  }
}

const NOT_ASCII = 0x80;
const NOT_ASCII_IN_WORD = 0x80808080;
const WORD_BYTES = 4;

function isAscii(bytes: Uint8Array): boolean {
  const { buffer, byteOffset, length } = bytes;
  // words lie at multiples of their length; a short view may not reach the first of them
  const first = -byteOffset & (WORD_BYTES - 1);
  if (length < first) return isAsciiBetween(bytes, 0, length);
  const words = new Uint32Array(buffer, byteOffset + first, (length - first) >> 2);
  let all = 0;
  for (let index = 0; index < words.length; index++) all |= words[index]!;
  const isAsciiInWords = (all & NOT_ASCII_IN_WORD) === 0;
  const after = first + words.length * WORD_BYTES;
  return isAsciiInWords && isAsciiBetween(bytes, 0, first) && isAsciiBetween(bytes, after, length);
}

function isAsciiBetween(bytes: Uint8Array, from: number, to: number): boolean {
  for (let at = from; at < to; at++) if (bytes[at]! >= NOT_ASCII) return false;
  return true;
}

/**
 * How many bytes at the end may begin a sequence that goes on in the next bytes. Whether the second
 * byte fits is not checked: ill-formed bytes are found in the next call as well.
 */
function incompleteLength(bytes: Uint8Array): number {
  const { length } = bytes;
  for (let back = 1; back <= 3 && back <= length; back++) {
    const byte = bytes[length - back]!;
    if (byte < 0x80 || byte > 0xbf) return sequenceLength(byte) > back ? back : 0;
  }
  return 0;
}

/** Length of the sequence that `lead` begins, 1 if it can begin none. */
function sequenceLength(lead: number): number {
  if (lead >= 0xc2 && lead < 0xe0) return 2;
  if (lead >= 0xe0 && lead < 0xf0) return 3;
  return lead >= 0xf0 && lead < 0xf5 ? 4 : 1;
}
