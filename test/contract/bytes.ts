const encoder = new TextEncoder();
const LF = 0x0a;

/** The UTF-8 bytes of `text`. */
export function utf8(text: string): Uint8Array<ArrayBuffer> {
  return encoder.encode(text);
}

/** The text of `bytes`. Throws if they are not well-formed UTF-8. */
export function textOf(bytes: Uint8Array): string {
  return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
}

/** `pieces` after each other. */
export function concat(pieces: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}

/** A line of exactly `size` bytes, its line feed included, that differs with `seed` and position. */
export function lineOf(size: number, seed = 0): Uint8Array<ArrayBuffer> {
  const line = new Uint8Array(size);
  // a multiplier that is prime to 95 makes a shifted copy differ nearly everywhere
  for (let i = 0; i < size; i++) line[i] = 0x20 + ((i * 31 + (i >>> 7) + seed * 7) % 95);
  line[size - 1] = LF;
  return line;
}

/** Where two arrays begin to differ, or -1. Much faster than a deep comparison of megabytes. */
export function firstDifference(a: Uint8Array, b: Uint8Array): number {
  const shorter = Math.min(a.length, b.length);
  for (let i = 0; i < shorter; i++) if (a[i] !== b[i]) return i;
  return a.length === b.length ? -1 : shorter;
}

/** All chunks of a stream. */
export async function chunksOf(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
): Promise<Uint8Array<ArrayBuffer>[]> {
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  const reader = stream.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return chunks;
    chunks.push(value);
  }
}

/** All bytes of a stream. */
export async function drain(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
): Promise<Uint8Array<ArrayBuffer>> {
  return concat(await chunksOf(stream));
}
