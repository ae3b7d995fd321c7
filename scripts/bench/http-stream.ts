import { connect, type Socket } from "node:net";
import { createDeferred } from "./deadline.ts";
import { type BodyDecoder, createBodyDecoder } from "./http-body.ts";

/** A GET, or a POST of JSON, whose answer is handed on as it comes. */
export interface HttpStreamOptions {
  readonly port: number;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** JSON to post; without it it is a GET. */
  readonly body?: string;
  /** The head, before the first bytes of the body. */
  readonly onHead?: (head: ResponseHead) => void;
  /** Bytes of the body, valid only during the call. */
  readonly onBody?: (bytes: Buffer) => void;
  /** Reads at most so many bytes a second; 0 stops reading after the first bytes, for ever. */
  readonly bytesPerSecond?: number;
}

/** Status and headers, names in lower case. */
export interface ResponseHead {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
}

/** A response that is being read. */
export interface HttpStream {
  /** Resolves when the response head is there; rejects if the connection ends before. */
  readonly head: Promise<ResponseHead>;
  /** Resolves when the body or the connection has ended: true if the body was whole. */
  readonly ended: Promise<boolean>;
  close(): void;
}

const READ_BUFFER_BYTES = 256 * 1024;
const HEAD_END = "\r\n\r\n";

/** All sockets read into it: a read and its callback happen in one go, so no two can meet. */
const readBuffer = Buffer.allocUnsafe(READ_BUFFER_BYTES);

/**
 * Opens a request on 127.0.0.1 over a bare socket, so that counting the bytes of a replay costs far less
 * than sending them. The connection is closed when the body is complete.
 */
export function openHttpStream(options: HttpStreamOptions): HttpStream {
  const { port, path, body, headers = {}, onHead, onBody = () => {}, bytesPerSecond } = options;
  const head = createDeferred<ResponseHead>();
  const ended = createDeferred<boolean>();
  // whoever only waits for the end must not be told of the head by an unhandled rejection
  head.promise.catch(() => {});
  const mayGoOn = bytesPerSecond === undefined ? () => true : createThrottle(bytesPerSecond);
  let headBytes: Buffer = Buffer.alloc(0);
  let decoder: BodyDecoder | undefined;

  function onEnd(): void {
    ended.resolve(true);
    socket.destroy();
  }

  function receive(bytes: Buffer): void {
    if (decoder !== undefined) {
      decoder.feed(bytes);
      return;
    }
    headBytes = Buffer.concat([headBytes, bytes]);
    const headEnd = headBytes.indexOf(HEAD_END);
    if (headEnd < 0) return;
    const parsed = parseHead(headBytes.toString("latin1", 0, headEnd));
    decoder = createBodyDecoder(parsed.headers, { onBody, onEnd });
    head.resolve(parsed);
    onHead?.(parsed);
    decoder.feed(headBytes.subarray(headEnd + HEAD_END.length));
  }

  const socket: Socket = connect({
    port,
    host: "127.0.0.1",
    onread: {
      buffer: readBuffer,
      callback(length, buffer) {
        receive(Buffer.from(buffer.buffer, buffer.byteOffset, length));
        return mayGoOn(length, socket);
      },
    },
  });
  socket.on("error", (error) => head.reject(error));
  socket.on("close", () => {
    head.reject(new Error(`the connection to ${path} ended before a response`));
    ended.resolve(false);
  });
  const ofBody = body !== undefined && {
    "Content-Type": "application/json",
    "Content-Length": String(Buffer.byteLength(body)),
  };
  const fields = Object.entries({ Host: `127.0.0.1:${port}`, ...ofBody, ...headers });
  const method = body === undefined ? "GET" : "POST";
  const lines = [
    `${method} ${path} HTTP/1.1`,
    ...fields.map(([name, value]) => `${name}: ${value}`),
  ];
  socket.write(`${lines.join("\r\n")}${HEAD_END}${body ?? ""}`);

  return { head: head.promise, ended: ended.promise, close: () => void socket.destroy() };
}

function parseHead(text: string): ResponseHead {
  const [statusLine = "", ...fields] = text.split("\r\n");
  const headers = new Map<string, string>();
  for (const field of fields) {
    const colon = field.indexOf(":");
    headers.set(field.slice(0, colon).toLowerCase(), field.slice(colon + 1).trim());
  }
  return { status: Number(statusLine.split(" ")[1]), headers };
}

/** Tells after each read whether the next may follow at once, and resumes the socket if not. */
function createThrottle(bytesPerSecond: number): (length: number, socket: Socket) => boolean {
  const startedAtMs = performance.now();
  let bytes = 0;
  return (length, socket) => {
    bytes += length;
    if (bytesPerSecond === 0) return false;
    const dueMs = (bytes / bytesPerSecond) * 1_000 - (performance.now() - startedAtMs);
    if (dueMs < 1) return true;
    setTimeout(() => socket.resume(), dueMs).unref();
    return false;
  };
}
