/** The strings that were captured up to a place of a text; never changed, so that places share them. */
export type CapturedValues = readonly (string | null)[];

/** A place in a text at which a scan may go on: the value of a member of the top level that is not captured comes next. */
export interface KnownPlace {
  /** Bytes before it. */
  readonly length: number;
  readonly values: CapturedValues;
}

/** Longest beginning that is remembered, in bytes. */
const MAX_BYTES = 512;
/** After so many texts that have less than all of it in common, another text is remembered. */
const MAX_PARTIAL = 8;

/**
 * The beginning of a text that was scanned before. Events of a stream begin alike, up to the text that each of them
 * brings: what comes before it is compared with what is known instead of being read again, and its strings are not decoded.
 *
 * Whoever scans calls `find` for each text, and, while `isLearning`, `add` for each place and `end` for the text's first
 * piece.
 */
export class KnownBeginnings {
  readonly #bytes = new Uint8Array(MAX_BYTES);
  /** In the order of their length. */
  #places: KnownPlace[] = [];
  /** Index of the furthest place that was found since the text was remembered, or -1. */
  #furthest = -1;
  #partial = 0;
  #isLearning = false;

  /** Whether the text that `find` was called for last is to be remembered. */
  get isLearning(): boolean {
    return this.#isLearning;
  }

  /** The furthest known place that a text which begins in `bytes`, from `from` up to `to`, has as well; null for none. */
  find(bytes: Uint8Array, from: number, to: number): KnownPlace | null {
    const wanted = this.#places.at(-1)?.length ?? 0;
    const limit = Math.min(wanted, to - from);
    const known = this.#bytes;
    let same = 0;
    while (same < limit && known[same] === bytes[from + same]) same++;
    let index = this.#places.length - 1;
    while (index >= 0 && this.#places[index]!.length > same) index--;
    // of a piece that is shorter it is not known how much is the same
    this.#isLearning = limit === wanted && this.#isWorthLearning(index);
    if (this.#isLearning) this.#places.length = index + 1;
    return this.#places[index] ?? null;
  }

  /** There is a place after the first `length` bytes of the text. */
  add(place: KnownPlace): void {
    if (place.length <= MAX_BYTES) this.#places.push(place);
  }

  /** The first piece of the text, which begins at `from`, has been scanned. */
  end(bytes: Uint8Array, from: number): void {
    this.#isLearning = false;
    const { length } = this.#places.at(-1) ?? { length: 0 };
    this.#bytes.set(bytes.subarray(from, from + length));
  }

  #isWorthLearning(index: number): boolean {
    const isWorth =
      index === -1 ||
      index < this.#furthest ||
      (index < this.#places.length - 1 && ++this.#partial >= MAX_PARTIAL);
    if (isWorth) this.#partial = 0;
    this.#furthest = isWorth ? index : Math.max(this.#furthest, index);
    return isWorth;
  }
}
