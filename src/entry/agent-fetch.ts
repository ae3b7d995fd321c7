import { type IncomingMessage, request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { Readable } from "node:stream";
import type { AgentFetch } from "../relay/index.ts";

const CONNECT_TIMEOUT_MS = 5_000;
/** Chunks that a body may hold before the socket has to wait. */
const QUEUED_CHUNKS = 2;
const WITHOUT_BODY: ReadonlySet<number> = new Set([101, 204, 205, 304]);

/**
 * A `fetch` for a relay, on a connection for each request: it adds no header and unpacks nothing, sets no
 * limit on a silent body, and takes less memory than others. It fails to connect after 5 s. A failure
 * is a TypeError around the system's error, as with other fetches. `onBytes` is called for every chunk of
 * an answer's body.
 */
export function createAgentFetch(onBytes: (bytes: number) => void): AgentFetch {
  return (url, { method = "GET", headers, body, signal }) =>
    new Promise((resolve, reject) => {
      const { protocol } = new URL(url);
      const makeRequest = protocol === "https:" ? httpsRequest : httpRequest;
      const sent = Object.fromEntries(new Headers(headers));
      if (body instanceof Uint8Array) sent["content-length"] = String(body.length);
      const request = makeRequest(url, {
        method,
        headers: sent,
        agent: false,
        ...(signal && { signal }),
      });
      const fail = (cause: unknown): void => {
        reject(signal?.aborted ? signal.reason : new TypeError("fetch failed", { cause }));
      };
      request.setNoDelay(true);
      request.once("socket", (socket) => {
        const timer = setTimeout(() => socket.destroy(connectTimeout()), CONNECT_TIMEOUT_MS);
        socket.once("connect", () => clearTimeout(timer));
        socket.once("close", () => clearTimeout(timer));
      });
      request.on("error", fail);
      request.once("response", (message) => {
        try {
          resolve(responseOf(message, onBytes));
        } catch (error) {
          message.destroy();
          fail(error);
        }
      });
      if (body instanceof ReadableStream) {
        // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the types of two libraries
        const source = Readable.fromWeb(body as Parameters<typeof Readable.fromWeb>[0]);
        source.once("error", (error) => request.destroy(error));
        source.pipe(request);
      } else request.end(body);
    });
}

function responseOf(message: IncomingMessage, onBytes: (bytes: number) => void): Response {
  const { statusCode = 0, statusMessage = "", rawHeaders } = message;
  const headers = new Headers();
  for (let at = 0; at + 1 < rawHeaders.length; at += 2)
    headers.append(rawHeaders[at] ?? "", rawHeaders[at + 1] ?? "");
  const init = { status: statusCode, statusText: statusMessage, headers };
  if (!WITHOUT_BODY.has(statusCode)) return new Response(bodyOf(message, onBytes), init);
  message.resume();
  return new Response(null, init);
}

/** The body, read as it is asked for. It errors where the connection breaks before its end. */
function bodyOf(
  message: IncomingMessage,
  onBytes: (bytes: number) => void,
): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        message.on("data", (chunk: Uint8Array) => {
          controller.enqueue(chunk);
          onBytes(chunk.length);
          if ((controller.desiredSize ?? 0) <= 0) message.pause();
        });
        message.pause();
        message.once("end", () => controller.close());
        message.once("error", (error) => controller.error(error));
      },
      pull() {
        message.resume();
      },
      cancel() {
        message.removeAllListeners("data");
        message.removeAllListeners("end");
        message.destroy();
      },
    },
    { highWaterMark: QUEUED_CHUNKS },
  );
}

/** An error that is known for one that has sent nothing. */
function connectTimeout(): Error {
  return Object.assign(new Error("no connection within 5 s"), { code: "UND_ERR_CONNECT_TIMEOUT" });
}
