import { hashText } from "../model/posted-message-ids.ts";

/** Entries that are remembered at least; at most twice as many, some 10 MB. */
const MIN_ENTRIES = 65_536;

/**
 * Remembers texts as hashes of 53 bits: the latest of them, where meeting one again makes it one of
 * the latest. So a log of any length takes up bounded memory.
 */
export class SeenTexts {
  #recent = new Set<number>();
  #older = new Set<number>();

  /** Whether the text was met before; it is remembered. */
  meet(text: string): boolean {
    const hash = hashText(text);
    const isKnown = this.#recent.has(hash) || this.#older.has(hash);
    this.#recent.add(hash);
    if (this.#recent.size >= MIN_ENTRIES) {
      this.#older = this.#recent;
      this.#recent = new Set();
    }
    return isKnown;
  }

  has(text: string): boolean {
    const hash = hashText(text);
    return this.#recent.has(hash) || this.#older.has(hash);
  }
}
