import type { RelaySpool, SpoolLog, SpoolLogInfo } from "../ports/relay-spool.ts";

/** Pieces grow with the log from the first size to the second. */
const FIRST_PIECE_BYTES = 4 * 1024;
const PIECE_BYTES = 64 * 1024;

/**
 * A spool in the memory of the process, for an agent that carries its relay with it: a crash of the one
 * is a crash of the other.
 */
export function createMemorySpool(): RelaySpool {
  return {
    isDurable: false,
    async recover() {
      return [];
    },
    async create(info) {
      return new MemoryLog(info);
    },
    async close() {},
  };
}

interface Piece {
  readonly start: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
  length: number;
}

class MemoryLog implements SpoolLog {
  readonly info: SpoolLogInfo;
  #pieces: Piece[] = [];
  #start = 0;
  #end = 0;
  #endedAtMs: number | null = null;

  constructor(info: SpoolLogInfo) {
    this.info = info;
  }

  get start(): number {
    return this.#start;
  }

  get end(): number {
    return this.#end;
  }

  get endedAtMs(): number | null {
    return this.#endedAtMs;
  }

  async append(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      const piece = this.#lastPiece();
      const part = bytes.subarray(at, at + piece.bytes.length - piece.length);
      piece.bytes.set(part, piece.length);
      piece.length += part.length;
      at += part.length;
      this.#end += part.length;
    }
  }

  async read(offset: number, maxBytes: number): Promise<Uint8Array<ArrayBuffer>> {
    const piece = this.#pieceAt(offset);
    const from = offset - piece.start;
    return piece.bytes.subarray(from, Math.min(piece.length, from + maxBytes));
  }

  async drop(offset: number): Promise<void> {
    const kept = this.#pieces.filter(({ start, length }) => start + length > offset);
    this.#start = kept[0]?.start ?? this.#end;
    this.#pieces = kept;
  }

  async markEnded(atMs: number): Promise<void> {
    this.#endedAtMs = atMs;
  }

  async remove(): Promise<void> {
    this.#pieces = [];
  }

  /** The last piece; a new one if that is full. What was written of a piece never changes. */
  #lastPiece(): Piece {
    const last = this.#pieces.at(-1);
    if (last && last.length < last.bytes.length) return last;
    const size = last ? Math.min(last.bytes.length * 2, PIECE_BYTES) : FIRST_PIECE_BYTES;
    const piece = { start: this.#end, bytes: new Uint8Array(size), length: 0 };
    this.#pieces.push(piece);
    return piece;
  }

  #pieceAt(offset: number): Piece {
    let low = 0;
    let high = this.#pieces.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#pieces[middle]?.start ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    const piece = this.#pieces[low];
    if (!piece || offset < piece.start || offset >= piece.start + piece.length)
      throw new RangeError(`the log has nothing at ${offset}`);
    return piece;
  }
}
