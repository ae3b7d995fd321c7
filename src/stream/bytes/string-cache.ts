const SLOTS = 64;

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/**
 * Decodes short strings, and hands out the same string for the same bytes as long as it remembers
 * them: event types and run ids come again and again. Holds the last one for each of 64 hashes.
 */
export class StringCache {
  readonly #bytes: (Uint8Array | undefined)[] = Array.from({ length: SLOTS });
  readonly #texts: string[] = Array.from({ length: SLOTS }, () => "");

  /** The UTF-8 from `from` up to `to` as a string. */
  decode(bytes: Uint8Array, from: number, to: number): string {
    if (from === to) return "";
    const slot = ((to - from) * 31 + bytes[from]! * 7 + bytes[to - 1]!) % SLOTS;
    const known = this.#bytes[slot];
    if (known !== undefined && sameBytes(known, bytes, from, to)) return this.#texts[slot]!;
    const own = bytes.slice(from, to);
    const text = decoder.decode(own);
    this.#bytes[slot] = own;
    this.#texts[slot] = text;
    return text;
  }
}

/** Whether `own` is what stands in `bytes` from `from` up to `to`. */
export function sameBytes(own: Uint8Array, bytes: Uint8Array, from: number, to: number): boolean {
  if (own.length !== to - from) return false;
  for (let index = 0; index < own.length; index++)
    if (own[index] !== bytes[from + index]) return false;
  return true;
}
