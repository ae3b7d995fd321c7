const FIRST_CAPACITY = 256;

/** Bytes that only grow, in one array: the plainest thing that a log can be. */
export interface GrowingBytes {
  /** How many bytes there are. */
  readonly length: number;
  /** Adds a copy of `pieces`, in order. */
  append(pieces: readonly Uint8Array[]): void;
  /** A copy of the bytes from `start` to `end`. */
  slice(start: number, end: number): Uint8Array<ArrayBuffer>;
}

/** No bytes yet. The array doubles when it is full, so an append costs its own length on average. */
export function createGrowingBytes(): GrowingBytes {
  let bytes = new Uint8Array(0);
  let length = 0;

  function reserve(needed: number): void {
    if (needed <= bytes.length) return;
    const grown = new Uint8Array(Math.max(needed, bytes.length * 2, FIRST_CAPACITY));
    grown.set(bytes.subarray(0, length));
    bytes = grown;
  }

  return {
    get length() {
      return length;
    },
    append(pieces) {
      reserve(length + byteLength(pieces));
      for (const piece of pieces) {
        bytes.set(piece, length);
        length += piece.length;
      }
    },
    slice: (start, end) => bytes.slice(start, Math.min(end, length)),
  };
}

/** How many bytes `pieces` hold together. */
export function byteLength(pieces: readonly Uint8Array[]): number {
  return pieces.reduce((sum, piece) => sum + piece.length, 0);
}
