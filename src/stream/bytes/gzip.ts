import { concatBytes } from "./concat.ts";

type Chunk = Uint8Array<ArrayBuffer>;

/** Bytes passed to a codec at once: only its output for them waits in between. */
const PIECE_BYTES = 64 * 1024;

/** `bytes` as one gzip member. They must not change until it resolves. */
export async function gzipMember(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  for await (const piece of chunksOf(gzipStream(piecesOf(bytes, bytes.length)))) pieces.push(piece);
  return concatBytes(pieces);
}

/**
 * The content of a gzip member, piece by piece as it is pulled. Throws a TypeError if it is
 * damaged, cut short, or followed by anything.
 */
export function gunzipMember(
  member: Uint8Array<ArrayBuffer>,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const stream = through(piecesOf(member, PIECE_BYTES), new DecompressionStream("gzip"));
  return chunksOf(stream);
}

/**
 * The content of the gzip member in `source`, inflated as it is pulled; may be cancelled at any
 * time. Fails with a TypeError as `gunzipMember` does.
 */
export function gunzipStream(source: ReadableStream<Chunk>): ReadableStream<Chunk> {
  return through(source, new DecompressionStream("gzip"));
}

/** `source` as one gzip member; may be cancelled at any time, which cancels `source`. */
export function gzipStream(source: ReadableStream<Chunk>): ReadableStream<Chunk> {
  return through(source, new CompressionStream("gzip"));
}

/**
 * As `pipeThrough`. Cancelling a codec's output while it has more throws in Node (24.21) where
 * nothing can catch it, and ends the process; so its input is aborted instead, and its further
 * output is dropped.
 */
function through(
  source: ReadableStream<Chunk>,
  codec: ReadableWritablePair<Chunk, BufferSource>,
): ReadableStream<Chunk> {
  const stop = new AbortController();
  source.pipeTo(codec.writable, { signal: stop.signal }).catch(() => {
    // the reader gets the error from the codec
  });
  const reader = codec.readable.getReader();

  async function dropRest(): Promise<void> {
    while (!(await reader.read()).done);
  }

  return new ReadableStream(
    {
      async pull(controller) {
        const { value, done } = await reader.read();
        if (done) controller.close();
        else controller.enqueue(value);
      },
      cancel(reason) {
        stop.abort(reason);
        dropRest().catch(() => {
          // it ends by the abort
        });
      },
    },
    { highWaterMark: 0 },
  );
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
