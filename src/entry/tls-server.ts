import type { IncomingMessage, ServerResponse } from "node:http";
import {
  createSecureServer,
  type Http2SecureServer,
  type Http2ServerRequest,
  Http2ServerResponse,
  type Http2Session,
  type ServerHttp2Session,
} from "node:http2";
import type { Socket } from "node:net";
import { SOCKET_BYTES } from "./listen.ts";
import { bytesOf, followCarrier, resetConnection, ResetResponse } from "./reset-response.ts";
import type { Tls } from "./tls-keys.ts";

/** Streams of one connection at once: all tabs of a browser share it, with one or two streams each. */
const MOST_STREAMS = 256;
/** How long in ms a connection is kept that has no stream. */
const IDLE_MS = 60_000;
/** How long in ms TLS may take to begin. */
const HANDSHAKE_MS = 20_000;
/** How long in ms a client whose stream was given up may take to answer a ping. */
const PING_MS = 5_000;

/** A request of HTTP/1.1, or one of HTTP/2 as Node's compatibility API has it. */
export type Asked = IncomingMessage | Http2ServerRequest;

/** Answers requests of both. */
export type Serve = (request: Asked, response: ServerResponse | Http2ServerResponse) => void;

export interface TlsServer extends Http2SecureServer {
  /** Ends every connection at once. */
  closeAllConnections(): void;
}

/**
 * A server for HTTP/2 over TLS, and for HTTP/1.1 where a client knows no other. `serve` gets the requests of
 * both.
 */
export function createTlsServer(tls: Tls, serve: Serve): TlsServer {
  const server = createSecureServer(
    {
      ...tls.keys,
      allowHTTP1: true,
      handshakeTimeout: HANDSHAKE_MS,
      settings: { maxConcurrentStreams: MOST_STREAMS },
      Http1ServerResponse: ResetResponse,
      Http2ServerResponse: ResetStreamResponse,
      highWaterMark: SOCKET_BYTES,
      noDelay: true,
    },
    serve,
  );
  tls.follow(server);
  const connections = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    followCarrier(socket);
    connections.add(socket);
    socket.once("close", () => connections.delete(socket));
  });
  server.on("session", closeIdle);
  return Object.assign(server, {
    closeAllConnections() {
      for (const socket of connections) socket.destroy();
    },
  });
}

function closeIdle(session: ServerHttp2Session): void {
  let streams = 0;
  session.on("stream", (stream) => {
    streams += 1;
    stream.once("close", () => {
      streams -= 1;
    });
  });
  session.setTimeout(IDLE_MS, () => {
    if (streams === 0) session.close();
  });
  // a connection that breaks ends its streams, which tell of it
  session.on("error", () => {});
}

/**
 * A response that resets its stream when it fails, and the connection as well if its client takes nothing any
 * more, for the reason that `ResetResponse` has.
 */
class ResetStreamResponse<
  Request extends Http2ServerRequest = Http2ServerRequest,
> extends Http2ServerResponse<Request> {
  /** Bytes of the body that the stream was given. */
  bodyBytes = 0;

  // `end` writes by this as well
  override write(...args: [chunk: unknown, ...rest: never[]]): boolean {
    if (this.req.method !== "HEAD") this.bodyBytes += bytesOf(args[0]);
    // oxlint-disable-next-line typescript/unbound-method -- it is applied to this
    return Reflect.apply(super.write, this, args);
  }

  override destroy(error?: Error): this {
    const { session } = this.stream;
    super.destroy(error);
    if (error && session) resetIfStuck(session);
    return this;
  }
}

/** Those that are asked now. */
const ASKED = new WeakSet<Http2Session>();

/** Resets a connection whose client answers nothing any more. */
function resetIfStuck(session: Http2Session): void {
  if (session.destroyed || ASKED.has(session)) return;
  ASKED.add(session);
  const timer = setTimeout(() => {
    if (!session.destroyed) resetConnection(session.socket);
  }, PING_MS);
  const answered = (): void => {
    clearTimeout(timer);
    ASKED.delete(session);
  };
  session.once("close", answered);
  session.ping((error) => {
    if (error === null) answered();
  });
}
