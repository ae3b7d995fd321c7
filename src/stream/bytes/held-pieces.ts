/** Pieces shorter than this are joined: an array of its own costs some 200 bytes. */
const SMALL_BYTES = 1024;
const JOINED_BYTES = 4096;

/**
 * The pieces of one event that came in several chunks: a list, never joined to a whole, so that N
 * bytes cost N and not N² to collect. What is kept in memory is in proportion to the bytes added,
 * however small the pieces are and whatever larger array they are views of.
 */
export class HeldPieces<T extends ArrayBufferLike = ArrayBufferLike> {
  #pieces: Uint8Array<T | ArrayBuffer>[] = [];
  /** Where small pieces are joined; never handed out. */
  #joined: Uint8Array<ArrayBuffer> | null = null;
  #joinedLength = 0;
  #bytes = 0;

  /** Bytes held now. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Adds a piece, which must not change any more. */
  add(piece: Uint8Array<T>): void {
    this.#bytes += piece.length;
    if (piece.length >= SMALL_BYTES) {
      this.#closeJoined();
      this.#pieces.push(compact(piece));
      return;
    }
    if (this.#joinedLength + piece.length > JOINED_BYTES) this.#closeJoined();
    this.#joined ??= new Uint8Array(JOINED_BYTES);
    this.#joined.set(piece, this.#joinedLength);
    this.#joinedLength += piece.length;
  }

  /** Returns the pieces in their order, and holds nothing afterwards. */
  take(): Uint8Array<T | ArrayBuffer>[] {
    this.#closeJoined();
    const pieces = this.#pieces;
    this.#pieces = [];
    this.#bytes = 0;
    return pieces;
  }

  #closeJoined(): void {
    if (!this.#joined || this.#joinedLength === 0) return;
    this.#pieces.push(this.#joined.slice(0, this.#joinedLength));
    this.#joinedLength = 0;
  }
}

/** The same bytes without keeping a much larger array alive. */
export function compact<T extends ArrayBufferLike>(
  view: Uint8Array<T>,
): Uint8Array<T | ArrayBuffer> {
  return view.length * 2 < view.buffer.byteLength ? view.slice() : view;
}
