import { concatBytes } from "./concat.ts";

const LF = 10;

/**
 * The lines of a byte stream without their LF; null for a line of more than `maxBytes`, of which
 * nothing is held. A last line without an LF counts. Cancels the stream when it is left early.
 */
export async function* splitLines(
  bytes: ReadableStream<Uint8Array>,
  maxBytes: number,
): AsyncGenerator<Uint8Array | null> {
  const reader = bytes.getReader();
  let pieces: Uint8Array[] = [];
  let length = 0;

  function take(): Uint8Array | null {
    const line = length > maxBytes ? null : concatBytes(pieces);
    pieces = [];
    length = 0;
    return line;
  }

  function hold(piece: Uint8Array): void {
    length += piece.length;
    if (length > maxBytes) pieces = [];
    else pieces.push(piece);
  }

  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) break;
      let from = 0;
      for (let end = value.indexOf(LF); end !== -1; end = value.indexOf(LF, from)) {
        hold(value.subarray(from, end));
        yield take();
        from = end + 1;
      }
      if (from < value.length) hold(value.subarray(from));
    }
    if (length > 0) yield take();
  } finally {
    await reader.cancel();
  }
}
