type Chunk = Uint8Array<ArrayBuffer>;

/** Bytes read at once for a reader who brings no buffer. */
const CHUNK_BYTES = 64 * 1024;

/**
 * A byte stream that is opened by its first pull, and passes its reader's buffers on. A failure to
 * open it arrives as its error.
 */
export function lazyStream(open: () => Promise<ReadableStream<Chunk>>): ReadableStream<Chunk> {
  let opening: Promise<ReadableStreamBYOBReader> | null = null;
  return new ReadableStream(
    {
      type: "bytes",
      async pull(controller: ReadableByteStreamController) {
        opening ??= open().then((stream) => stream.getReader({ mode: "byob" }));
        const reader = await opening;
        const request = controller.byobRequest;
        const { value, done } = await reader.read(bufferOf(request));
        if (done) controller.close();
        else if (!request) controller.enqueue(value);
        // the request's buffer went along with the read: this is the same one
        if (request && value) request.respondWithNewView(value);
      },
      async cancel(reason) {
        const reader = await opening?.catch(() => null);
        await reader?.cancel(reason);
      },
    },
    { highWaterMark: 0 },
  );
}

/** The buffer that the reader of a byte stream has brought, or else a new one. */
export function bufferOf(request: ReadableStreamBYOBRequest | null): Uint8Array<ArrayBuffer> {
  const view = request?.view;
  return view
    ? new Uint8Array(view.buffer, view.byteOffset, view.byteLength)
    : new Uint8Array(CHUNK_BYTES);
}
