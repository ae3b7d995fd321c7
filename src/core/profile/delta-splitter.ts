const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const BACKSLASH = 0x5c;
const LETTER_U = 0x75;

/** Bytes of a piece, before its last character is taken. */
const PIECE_BYTES = 1024 * 1024;
/** The longest unit that is not cut, in bytes: a surrogate pair of two escapes. */
const MAX_UNIT_BYTES = 12;
const NAME = "delta";
const HEX_DIGITS = 4;
/** The state right after a backslash. */
const FIRST = HEX_DIGITS + 1;

/**
 * Cuts the text of the top-level `delta` out of an event that is too large to be held, in pieces
 * that are insides of JSON strings. No escape, no character and no surrogate pair is cut, so that
 * the pieces in order are exactly the text. The event is known to be valid JSON.
 */
export class DeltaSplitter {
  readonly #piece = new Uint8Array(PIECE_BYTES + 2 * MAX_UNIT_BYTES);
  #length = 0;
  #depth = 0;
  #inString = false;
  /** Whether the next string of the top level is a name. */
  #isName = false;
  #name = "";
  #isDelta = false;
  readonly #unit = new TextUnit();

  /** The pieces that are complete now. */
  *push(chunk: Uint8Array): Generator<Uint8Array<ArrayBuffer>, void, undefined> {
    for (const byte of chunk) {
      if (this.#inString) this.#string(byte);
      else this.#structure(byte);
      if (this.#length >= PIECE_BYTES && this.#unit.isWhole) yield this.#take();
    }
  }

  /** The rest of the text, or null. */
  finish(): Uint8Array<ArrayBuffer> | null {
    return this.#length === 0 ? null : this.#take();
  }

  #string(byte: number): void {
    if (byte === QUOTE && !this.#unit.isEscaping) {
      this.#inString = false;
      return;
    }
    this.#unit.push(byte);
    if (this.#isDelta) this.#piece[this.#length++] = byte;
    else if (this.#isName && this.#name.length <= NAME.length)
      this.#name += String.fromCharCode(byte);
  }

  #structure(byte: number): void {
    switch (byte) {
      case QUOTE:
        this.#inString = true;
        this.#unit.reset();
        this.#isDelta = this.#depth === 1 && !this.#isName && this.#name === NAME;
        if (this.#isName) this.#name = "";
        break;
      case COLON:
        this.#isName = false;
        break;
      case COMMA:
        this.#isName = this.#depth === 1;
        break;
      case 0x7b: // an object
      case 0x5b: // an array
        this.#depth++;
        this.#isName = this.#depth === 1;
        break;
      case 0x7d:
      case 0x5d:
        this.#depth--;
        break;
      default:
        // space, numbers and literals
        break;
    }
  }

  #take(): Uint8Array<ArrayBuffer> {
    const piece = this.#piece.slice(0, this.#length);
    this.#length = 0;
    return piece;
  }
}

/** Follows the bytes inside a JSON string: whether the text may be cut after the last one. */
class TextUnit {
  /** Characters that the open escape still needs, or 0. */
  #escape = 0;
  #hex = "";
  #continued = 0;
  #isHalf = false;

  /** Whether the next byte belongs to an escape. */
  get isEscaping(): boolean {
    return this.#escape > 0;
  }

  get isWhole(): boolean {
    return this.#escape === 0 && this.#continued === 0 && !this.#isHalf;
  }

  reset(): void {
    this.#escape = 0;
    this.#continued = 0;
    this.#isHalf = false;
  }

  push(byte: number): void {
    if (this.#escape > 0) this.#pushEscape(byte);
    else if (byte === BACKSLASH) {
      this.#escape = FIRST;
      this.#hex = "";
    } else {
      // after the first half of a pair comes its other half or a byte that is no part of it
      this.#isHalf = false;
      if (byte >= 0xc0) this.#continued = byte >= 0xf0 ? 3 : byte >= 0xe0 ? 2 : 1;
      else if (byte >= 0x80) this.#continued--;
    }
  }

  #pushEscape(byte: number): void {
    if (this.#escape === FIRST) {
      this.#escape = byte === LETTER_U ? HEX_DIGITS : 0;
      if (this.#escape === 0) this.#isHalf = false;
      return;
    }
    this.#escape--;
    this.#hex += String.fromCharCode(byte);
    // of two first halves in a row the second may be cut off, so that every text has places to cut
    if (this.#escape === 0) this.#isHalf = /^d[89ab]/i.test(this.#hex) && !this.#isHalf;
  }
}
