import { concatBytes } from "./concat.ts";

/** The memory of a ring's bytes, shared by all rings of a process. */
export interface RingBudget {
  /** Takes `bytes` if they are free. Never waits. */
  tryTake(bytes: number): boolean;
  release(bytes: number): void;
}

export interface ByteRingOptions {
  /** Most bytes that this ring holds, encoded and not. */
  readonly limitBytes: number;
  readonly budget: RingBudget;
  /** Encodes a span that begins at `start`; called once for each span, for all readers. */
  readonly encode: (pieces: readonly Uint8Array[], start: number) => Uint8Array<ArrayBuffer>;
}

/** A span of the ring, encoded. */
export interface RingHit {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Where the reader stands after it. */
  readonly end: number;
}

interface Segment {
  readonly start: number;
  end: number;
  /** Its raw pieces until it is encoded, then null. */
  pieces: Uint8Array[] | null;
  encoded: Uint8Array<ArrayBuffer> | null;
  held: number;
}

const JOIN_BYTES = 64 * 1024;

/**
 * The latest bytes of a log, kept encoded for all readers at its end.
 *
 * Bytes are kept raw and encoded when the first reader asks. When the ring or the budget is full
 * the oldest spans are evicted; without any room nothing is kept: a reader that finds nothing here
 * reads from the store, so a miss costs time and never an event.
 */
export class ByteRing {
  readonly #options: ByteRingOptions;
  #segments: Segment[] = [];
  #held = 0;
  #joined: { from: number; hit: RingHit } | null = null;

  constructor(options: ByteRingOptions) {
    this.#options = options;
  }

  /** Bytes held now. */
  get heldBytes(): number {
    return this.#held;
  }

  /** Adds the bytes at `start`, which must not change any more. A gap empties the ring first. */
  push(start: number, pieces: readonly Uint8Array[]): void {
    const bytes = pieces.reduce((sum, piece) => sum + piece.length, 0);
    if (bytes === 0) return;
    const last = this.#segments.at(-1);
    if (last && last.end !== start) this.clear();
    if (!this.#makeRoom(bytes)) {
      this.clear();
      return;
    }
    const open = this.#segments.at(-1);
    // small appends that nobody has read yet become one span: one frame buffer, one write
    if (open?.pieces && open.held + bytes <= JOIN_BYTES) {
      open.pieces.push(...pieces);
      open.end += bytes;
      open.held += bytes;
    } else {
      this.#segments.push({
        start,
        end: start + bytes,
        pieces: [...pieces],
        encoded: null,
        held: bytes,
      });
    }
  }

  /** The bytes at `from`, about 64 KiB at most unless one span is larger, or null. */
  read(from: number): RingHit | null {
    const index = this.#find(from);
    if (index === -1) return null;
    const first = this.#encoded(index);
    if (first === null) return null;
    const more = this.#segments[index + 1];
    if (!more || first.bytes.length >= JOIN_BYTES) return first;
    return this.#join(index, first);
  }

  clear(): void {
    this.#options.budget.release(this.#held);
    this.#held = 0;
    this.#segments = [];
    this.#joined = null;
  }

  /** A reader that lags by several spans gets them as one; readers level with it share the copy. */
  #join(index: number, first: RingHit): RingHit {
    const from = this.#segments[index]?.start ?? 0;
    const end = this.#segments.at(-1)?.end;
    if (this.#joined?.from === from && this.#joined.hit.end === end) return this.#joined.hit;
    const parts = [first];
    let length = first.bytes.length;
    for (let i = index + 1; i < this.#segments.length && length < JOIN_BYTES; i++) {
      const part = this.#encoded(i);
      if (part === null) break;
      parts.push(part);
      length += part.bytes.length;
    }
    const bytes = concatBytes(parts.map((part) => part.bytes));
    const hit = { bytes, end: parts.at(-1)?.end ?? first.end };
    this.#joined = { from, hit };
    return hit;
  }

  #encoded(index: number): RingHit | null {
    const segment = this.#segments[index];
    if (!segment) return null;
    if (segment.encoded === null && segment.pieces) {
      segment.encoded = this.#options.encode(segment.pieces, segment.start);
      segment.pieces = null;
      const growth = segment.encoded.length - segment.held;
      // an encoded span that finds no room is returned once and evicted
      const hit = { bytes: segment.encoded, end: segment.end };
      if (growth > 0 && !this.#options.budget.tryTake(growth)) {
        this.clear();
        return hit;
      }
      if (growth < 0) this.#options.budget.release(-growth);
      segment.held += growth;
      this.#held += growth;
    }
    return segment.encoded && { bytes: segment.encoded, end: segment.end };
  }

  #find(from: number): number {
    let low = 0;
    let high = this.#segments.length - 1;
    while (low <= high) {
      const middle = (low + high) >> 1;
      const start = this.#segments[middle]?.start ?? 0;
      if (start === from) return middle;
      if (start < from) low = middle + 1;
      else high = middle - 1;
    }
    return -1;
  }

  #makeRoom(bytes: number): boolean {
    if (bytes > this.#options.limitBytes) return false;
    let drop = 0;
    let freed = 0;
    while (this.#held - freed + bytes > this.#options.limitBytes)
      freed += this.#segments[drop++]?.held ?? 0;
    // in halves, so that a long ring does not shift at every push
    if (drop > 0) {
      const half = this.#segments.length >> 1;
      while (drop < half) freed += this.#segments[drop++]?.held ?? 0;
      this.#segments.splice(0, drop);
      this.#held -= freed;
      this.#options.budget.release(freed);
      this.#joined = null;
    }
    if (!this.#options.budget.tryTake(bytes)) return false;
    this.#held += bytes;
    return true;
  }
}
