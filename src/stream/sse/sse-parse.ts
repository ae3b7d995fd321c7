const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;

const BYTE_ORDER_MARK = Uint8Array.of(0xef, 0xbb, 0xbf);
const DATA_FIELD = Uint8Array.of(0x64, 0x61, 0x74, 0x61, 0x3a);
const ID_FIELD = Uint8Array.of(0x69, 0x64, 0x3a);
const JOIN = Uint8Array.of(SPACE);
/** Longest id that is passed on. */
const MAX_ID_CHARS = 256;

// The states in a line: in the byte order mark before the first, in the field's name, right after
// its colon, in its value, or in a line that is ignored.
const MARK = 0;
const NAME = 1;
const BEHIND_COLON = 2;
const PAYLOAD = 3;
const IGNORED = 4;

/** Receives the frames of an event stream. */
export interface SseDataSink {
  /**
   * The next bytes of the frame's data: `bytes` from `from` up to `to`, at least one. They are the
   * caller's array, or a constant one.
   */
  data(bytes: Uint8Array, from: number, to: number): void;
  /**
   * The frame is complete. Its data may be empty (`data:` alone). `hasId` says whether the frame has an id that can be
   * passed on, which is the parser's `id` during the call.
   */
  end(hasId: boolean): void;
}

/**
 * Extracts the data from an event stream (WHATWG HTML, section 9.2), on bytes and without copying.
 *
 * Lines end with LF, CR or CRLF; the stream comes in chunks that break anywhere. Several data lines
 * of a frame are joined by one space instead of the LF of the standard, so that a frame of JSON
 * stays one line: outside of strings both mean the same to JSON. All fields but `data` and `id`, and
 * comments, are skipped, and frames without a data line yield nothing. Unlike in the standard an id is that
 * of its own frame alone.
 */
export class SseParser {
  readonly #sink: SseDataSink;
  #place = MARK;
  /** How much of the mark, of `data:` or of `id:` has been read. */
  #matched = 0;
  /** The field that the line may be of. */
  #field = DATA_FIELD;
  #hasData = false;
  /** The frame's id so far, and whether it has one that can be passed on. */
  #id = new Uint8Array(MAX_ID_CHARS);
  #idLength = 0;
  #isSoundId = false;
  /** The id that is kept: as bytes, since most are kept in vain. */
  #keptId = new Uint8Array(MAX_ID_CHARS);
  #keptLength = 0;
  /** The last chunk ended with a CR: an LF that comes next belongs to it. */
  #isAfterCr = false;

  constructor(sink: SseDataSink) {
    this.#sink = sink;
  }

  /** While the sink's `end` is called: the frame's id, 1 to 256 printable ASCII characters, or null. */
  get id(): string | null {
    return this.#isSoundId ? textOf(this.#id, this.#idLength) : null;
  }

  /** To be called by the sink's `end`: the frame's id is `keptId` until another one is kept. */
  keepId(): void {
    const kept = this.#id;
    this.#id = this.#keptId;
    this.#keptId = kept;
    this.#keptLength = this.#isSoundId ? this.#idLength : 0;
    this.#isSoundId = false;
  }

  /** The id that was kept last, or null. */
  get keptId(): string | null {
    return textOf(this.#keptId, this.#keptLength);
  }

  /** Takes the stream's next bytes and calls the sink for their data. */
  push(chunk: Uint8Array): void {
    const { length } = chunk;
    if (length === 0) return;
    let at = this.#isAfterCr && chunk[0] === LF ? 1 : 0;
    this.#isAfterCr = false;
    // the next of each kind at or after `at`: a chunk without CR is searched for one only once
    let lf = -1;
    let cr = -1;
    while (at < length) {
      // half of all lines are the empty ones that end frames: nothing is searched for them
      if (chunk[at] === LF && this.#isAtLineStart) {
        this.#endFrame();
        at++;
        continue;
      }
      if (lf < at) lf = indexOrLength(chunk, LF, at);
      if (cr < at) cr = indexOrLength(chunk, CR, at);
      const lineEnd = Math.min(lf, cr);
      this.#take(chunk, at, lineEnd);
      if (lineEnd === length) return;
      this.#endLine();
      at = lineEnd + 1;
      if (lineEnd === lf) continue;
      if (at === length) this.#isAfterCr = true;
      else if (chunk[at] === LF) at++;
    }
  }

  /**
   * Ends the stream. A frame that its blank line did not end is passed to the sink as if it had;
   * the caller decides whether it is complete.
   */
  finish(): void {
    this.#endLine();
    this.#endFrame();
  }

  get #isAtLineStart(): boolean {
    return this.#place === NAME && this.#matched === 0;
  }

  /** A part of a line, without its end. */
  #take(chunk: Uint8Array, from: number, to: number): void {
    let at = from;
    if (this.#place === MARK) {
      at = this.#match(BYTE_ORDER_MARK, chunk, at, to);
      if (this.#matched === BYTE_ORDER_MARK.length || (this.#matched === 0 && at < to)) {
        this.#place = NAME;
        this.#matched = 0;
      }
    }
    if (this.#place === NAME) {
      if (this.#matched === 0 && at < to)
        this.#field = chunk[at] === ID_FIELD[0] ? ID_FIELD : DATA_FIELD;
      at = this.#match(this.#field, chunk, at, to);
      if (this.#matched === this.#field.length) this.#beginValue();
    }
    if (at === to) return;
    if (this.#place === BEHIND_COLON) {
      this.#place = PAYLOAD;
      if (chunk[at] === SPACE && ++at === to) return;
    }
    if (this.#place === PAYLOAD) this.#takeValue(chunk, at, to);
    // what did not match above is a comment, or another field
    else this.#place = IGNORED;
  }

  #match(wanted: Uint8Array, chunk: Uint8Array, from: number, to: number): number {
    let at = from;
    while (at < to && this.#matched < wanted.length && chunk[at] === wanted[this.#matched]) {
      this.#matched++;
      at++;
    }
    return at;
  }

  #takeValue(chunk: Uint8Array, from: number, to: number): void {
    if (this.#field === DATA_FIELD) return this.#sink.data(chunk, from, to);
    if (!this.#isSoundId) return;
    this.#isSoundId = this.#idLength + to - from <= MAX_ID_CHARS;
    for (let at = from; at < to && this.#isSoundId; at++) {
      const byte = chunk[at]!;
      this.#isSoundId = byte >= 0x20 && byte <= 0x7e;
      this.#id[this.#idLength++] = byte;
    }
  }

  #beginValue(): void {
    this.#place = BEHIND_COLON;
    if (this.#field === ID_FIELD) {
      this.#idLength = 0;
      this.#isSoundId = true;
      return;
    }
    if (this.#hasData) this.#sink.data(JOIN, 0, 1);
    this.#hasData = true;
  }

  #endLine(): void {
    const { length } = this.#field;
    if (this.#matched === 0 && this.#place <= NAME) this.#endFrame();
    // a field without a colon has an empty value
    else if (this.#place === NAME && this.#matched === length - 1) this.#beginValue();
    this.#place = NAME;
    this.#matched = 0;
  }

  #endFrame(): void {
    if (this.#hasData) {
      this.#hasData = false;
      this.#sink.end(this.#isSoundId && this.#idLength > 0);
    }
    this.#isSoundId = false;
    this.#idLength = 0;
  }
}

function textOf(ascii: Uint8Array, length: number): string | null {
  return length > 0 ? String.fromCharCode(...ascii.subarray(0, length)) : null;
}

function indexOrLength(chunk: Uint8Array, byte: number, from: number): number {
  const index = chunk.indexOf(byte, from);
  return index < 0 ? chunk.length : index;
}
