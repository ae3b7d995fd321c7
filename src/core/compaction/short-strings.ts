/** Most characters of a string that is found. */
export const MAX_SHORT_CHARS = 256;

/** A character takes at most six bytes, as an escape. */
const MAX_BYTES = 6 * MAX_SHORT_CHARS;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/**
 * Finds all strings of JSON text that have at most 256 characters, names of members among them, wherever
 * they stand; longer ones may be found too. The text comes in pieces that break anywhere. Text that is no JSON gives any strings.
 */
export class ShortStrings {
  readonly #found: (text: string) => void;
  readonly #bytes = new Uint8Array(MAX_BYTES);
  #length = 0;
  #isInString = false;
  #isAfterBackslash = false;
  #hasEscapes = false;

  constructor(found: (text: string) => void) {
    this.#found = found;
  }

  /** Forgets the text so far; the next piece is the first of another text. */
  reset(): void {
    this.#isInString = false;
  }

  push(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; at++) {
      if (!this.#isInString) {
        at = bytes.indexOf(QUOTE, at);
        if (at === -1) return;
        this.#begin();
        continue;
      }
      const byte = bytes[at]!;
      if (byte === QUOTE && !this.#isAfterBackslash) {
        this.#end();
        continue;
      }
      this.#isAfterBackslash = byte === BACKSLASH && !this.#isAfterBackslash;
      this.#hasEscapes ||= this.#isAfterBackslash;
      if (this.#length < MAX_BYTES) this.#bytes[this.#length] = byte;
      this.#length++;
    }
  }

  #begin(): void {
    this.#isInString = true;
    this.#isAfterBackslash = false;
    this.#hasEscapes = false;
    this.#length = 0;
  }

  #end(): void {
    this.#isInString = false;
    if (this.#length > MAX_BYTES) return;
    const text = decoder.decode(this.#bytes.subarray(0, this.#length));
    if (!this.#hasEscapes) return this.#found(text);
    try {
      this.#found(String(JSON.parse(`"${text}"`)));
    } catch {
      // the text is no JSON
    }
  }
}
