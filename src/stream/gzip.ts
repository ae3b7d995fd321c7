import { concatBytes } from "./concat.ts";

/** Bytes handed to a codec at once: what it makes of them is all that waits in between. */
const PIECE_BYTES = 64 * 1024;

/** `bytes` as one gzip member. They must not change until it resolves. */
export async function gzipMember(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  const packed = piecesOf(bytes, bytes.length).pipeThrough(new CompressionStream("gzip"));
  for await (const piece of chunksOf(packed)) pieces.push(piece);
  return concatBytes(pieces);
}

/**
 * What a gzip member holds, piece by piece as it is pulled. Throws a TypeError if it is damaged, cut
 * short, or followed by anything.
 */
export function gunzipMember(
  member: Uint8Array<ArrayBuffer>,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  return chunksOf(piecesOf(member, PIECE_BYTES).pipeThrough(new DecompressionStream("gzip")));
}

function piecesOf(
  bytes: Uint8Array<ArrayBuffer>,
  pieceBytes: number,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  let at = 0;
  return new ReadableStream(
    {
      pull(controller) {
        if (at < bytes.length) controller.enqueue(bytes.subarray(at, (at += pieceBytes)));
        else controller.close();
      },
    },
    { highWaterMark: 0 },
  );
}

async function* chunksOf(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const reader = stream.getReader();
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    await reader.cancel();
  }
}
