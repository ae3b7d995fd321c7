/** The pieces as one array; a single piece is given back as it is. */
export function concatBytes<T extends ArrayBufferLike>(
  pieces: readonly Uint8Array<T>[],
): Uint8Array<T | ArrayBuffer> {
  const [first, second] = pieces;
  if (first && second === undefined) return first;
  const joined = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    joined.set(piece, at);
    at += piece.length;
  }
  return joined;
}
