import {
  createServer,
  type IncomingMessage,
  type Server,
  ServerResponse,
  STATUS_CODES,
} from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { getRequestListener, RequestError } from "@hono/node-server";
import { problemAnswer, type ProblemAnswer, type ProblemOptions } from "../http/problem.ts";
import { SECURITY_HEADERS } from "../http/security-headers.ts";
import { SOCKET_BYTES } from "./listen.ts";
import { ResetResponse } from "./reset-response.ts";
import type { Tls } from "./tls-keys.ts";
import { type Asked, createTlsServer, type Serve, type TlsServer } from "./tls-server.ts";

/** A server for HTTP/1.1, or for that and HTTP/2 over TLS. */
export type HttpServer = Server | TlsServer;

type Fetch = Parameters<typeof getRequestListener>[0];

export interface HttpServerOptions {
  /** Told the status with which a connection was refused whose bytes were no request. Default: nobody. */
  readonly onRefused?: (status: number) => void;
}

/** How long a client that was refused may go on sending: closed at once, it never reads why. */
const LINGER_MS = 1_000;
const BAD_REQUEST = "The request is not HTTP/1.1 as RFC 9112 has it";

/**
 * A server that answers by `fetch`, to be made to listen by `listen`. What never comes to `fetch`,
 * because it is no request that one could be made of, is answered here by a problem document as well
 * (PROTOCOL 1.1, 1.7): what Node's parser refuses, an unknown `Expect`, a `Host` or target that makes
 * no URL, CONNECT. With `tls` it speaks HTTP/2 as well, and TLS alone.
 */
export function createHttpServer(
  fetch: Fetch,
  tls: Tls | null = null,
  { onRefused }: HttpServerOptions = {},
): HttpServer {
  const answer = getRequestListener(fetch, {
    overrideGlobalObjects: false,
    errorHandler: (error) => asResponse(withHeaders(problemAnswer(problemOf(error)))),
  });
  const answering = new InFlight();
  const serve: Serve = (request, response) => {
    // streams of HTTP/2 do not wait for each other
    if (response instanceof ServerResponse) answering.add(request.socket, response);
    writeAddressShort(request);
    if (hostsOf(request) > 1) request.headers.host = "";
    void answer(request, response);
  };
  const server = tls ? createTlsServer(tls, serve) : createPlainServer(serve);
  server.on(
    "checkExpectation",
    (request: IncomingMessage, response: InstanceType<typeof ResetResponse>) => {
      const detail = "Expect may only be 100-continue";
      const { status, headers, body } = withHeaders(
        problemAnswer({ code: "expectation-failed", detail }),
      );
      // the body is not read, so that nothing can follow it
      const isLast = request.httpVersionMajor === 1 ? { Connection: "close" } : {};
      response.writeHead(status, { ...headers, ...isLast }).end(body);
      request.resume();
    },
  );
  /** What is wrong with the bytes after requests that came whole is no answer to any of these. */
  async function refuseAfterAnswers(socket: Duplex, options: ProblemOptions): Promise<void> {
    await answering.toWhole(socket);
    const status = refuse(socket, options);
    if (status !== null) onRefused?.(status);
  }
  server.on("connect", (_request, socket: Duplex) => {
    void refuseAfterAnswers(socket, {
      code: "not-implemented",
      detail: "CONNECT is for proxies, which this is not",
    });
  });
  server.on("clientError", (error: NodeJS.ErrnoException, socket: Duplex) => {
    // what was begun cannot be answered in another way
    if (!socket.writable || answering.hasBegun(socket)) socket.destroy(error);
    else void refuseAfterAnswers(socket, refusalOf(error));
  });
  return server;
}

function createPlainServer(serve: Serve): Server {
  return createServer(
    // a request without a host gets its answer by `serve` as well
    { ServerResponse: ResetResponse, highWaterMark: SOCKET_BYTES, requireHostHeader: false },
    serve,
  );
}

/** The answers of each connection that are not over: several with pipelining. */
class InFlight {
  readonly #answers = new WeakMap<Duplex, Set<ServerResponse>>();

  add(socket: Socket, response: ServerResponse): void {
    const answers = this.#answers.get(socket) ?? new Set();
    this.#answers.set(socket, answers.add(response));
    response.once("close", () => answers.delete(response));
  }

  hasBegun(socket: Duplex): boolean {
    return [...(this.#answers.get(socket) ?? [])].some(({ headersSent }) => headersSent);
  }

  /** Resolves when the requests that have come whole are answered. */
  async toWhole(socket: Duplex): Promise<void> {
    const whole = [...(this.#answers.get(socket) ?? [])].filter(({ req }) => req.complete);
    await Promise.all(
      whole.map((answer) => new Promise<void>((resolve) => void answer.once("close", resolve))),
    );
  }
}

const REFUSED = new WeakSet<Duplex>();

/**
 * Answers on the bare connection and closes it. Whatever else comes on it is dropped. Returns the status, or null for a connection
 * that is over already.
 */
function refuse(socket: Duplex, options: ProblemOptions): number | null {
  if (REFUSED.has(socket) || !socket.writable) return null;
  REFUSED.add(socket);
  const { status, headers, body } = withHeaders(problemAnswer(options));
  const lines = Object.entries({
    ...headers,
    Date: new Date().toUTCString(),
    Connection: "close",
    "Content-Length": String(Buffer.byteLength(body)),
  }).map(([name, value]) => `${name}: ${value}`);
  const head = [`HTTP/1.1 ${status} ${STATUS_CODES[status]}`, ...lines].join("\r\n");
  socket.on("error", () => {
    // the client has gone
  });
  socket.end(`${head}\r\n\r\n${body}`);
  socket.resume();
  const timer = setTimeout(() => socket.destroy(), LINGER_MS);
  socket.once("close", () => clearTimeout(timer));
  return status;
}

/** What is wrong with what Node's parser refuses. */
function refusalOf({ code }: NodeJS.ErrnoException): ProblemOptions {
  switch (code) {
    case "HPE_HEADER_OVERFLOW":
      return { code: "headers-too-large", detail: "The URL and the headers exceed 16 KiB" };
    case "HPE_CHUNK_EXTENSIONS_OVERFLOW":
      return { code: "body-too-large", detail: "The extensions of a chunk exceed 16 KiB" };
    case "ERR_HTTP_REQUEST_TIMEOUT":
      return { code: "request-timeout", detail: "The request did not come in time" };
    case "HPE_INVALID_METHOD":
      return { code: "bad-request", detail: "The method is not known" };
    default:
      return { code: "bad-request", detail: BAD_REQUEST };
  }
}

function problemOf(error: unknown): ProblemOptions {
  return error instanceof RequestError
    ? { code: "bad-request", detail: "The Host header and the target make no URL" }
    : { code: "internal", detail: "Internal error" };
}

function withHeaders(answer: ProblemAnswer): ProblemAnswer {
  return { ...answer, headers: { ...SECURITY_HEADERS, ...answer.headers } };
}

function asResponse({ status, headers, body }: ProblemAnswer): Response {
  return new Response(body, { status, headers: { ...headers } });
}

/** The adaptor takes an IPv6 address for a host only if it is written as a URL has it. */
function writeAddressShort({ headers }: Asked): void {
  const { host } = headers;
  if (host?.startsWith("[")) headers.host = URL.parse(`http://${host}/`)?.host ?? host;
}

function hostsOf({ rawHeaders }: Asked): number {
  return rawHeaders.filter((text, at) => at % 2 === 0 && text.toLowerCase() === "host").length;
}
