const LF = 10;

/** Takes the bytes of a body off a connection. */
export interface BodyDecoder {
  /** Feeds the next bytes after the response head. */
  feed(bytes: Buffer): void;
}

/** What a decoder reports. */
export interface BodySink {
  /** Bytes of the body, valid only during the call. */
  readonly onBody: (bytes: Buffer) => void;
  /** The body is complete. */
  readonly onEnd: () => void;
}

/**
 * The decoder for a response with these headers (names in lower case): chunked, of a given length,
 * or up to the end of the connection (then `onEnd` never comes). Copies nothing.
 */
export function createBodyDecoder(
  headers: ReadonlyMap<string, string>,
  sink: BodySink,
): BodyDecoder {
  if (headers.get("transfer-encoding") === "chunked") return createChunkedDecoder(sink);
  const length = headers.get("content-length");
  return createPlainDecoder(length === undefined ? Infinity : Number(length), sink);
}

function createPlainDecoder(length: number, { onBody, onEnd }: BodySink): BodyDecoder {
  let left = length;
  return {
    feed(bytes) {
      left -= bytes.length;
      onBody(bytes);
      if (left <= 0) onEnd();
    },
  };
}

function createChunkedDecoder({ onBody, onEnd }: BodySink): BodyDecoder {
  let left = 0;
  let sizeLine = "";
  return {
    feed(bytes) {
      let at = 0;
      while (at < bytes.length) {
        if (left > 0) {
          const end = Math.min(at + left, bytes.length);
          left -= end - at;
          onBody(bytes.subarray(at, end));
          at = end;
          continue;
        }
        const lineEnd = bytes.indexOf(LF, at);
        sizeLine += bytes.toString("latin1", at, lineEnd < 0 ? bytes.length : lineEnd);
        if (lineEnd < 0) return;
        at = lineEnd + 1;
        const size = sizeLine.trim();
        sizeLine = "";
        // the empty line is the CRLF that ends the chunk before
        if (size === "") continue;
        left = Number.parseInt(size, 16);
        if (left > 0) continue;
        onEnd();
        return;
      }
    },
  };
}
