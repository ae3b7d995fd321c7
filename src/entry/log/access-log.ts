import type { IncomingMessage, ServerResponse } from "node:http";
import type { Logger } from "../../ports/logger.ts";
import type { HttpServer } from "../http-server.ts";
import { eachAnswer, factsOf } from "../request-facts.ts";

/** A line of the log for each request. */
export interface AccessLog {
  /** Logs the requests of a server from now on, each when its answer is over, however that came. What routes know is had by `keepFacts`. */
  follow(server: HttpServer): void;
  /** Logs a connection that was refused with this status, since its bytes were no request. */
  readonly onRefused: (status: number) => void;
}

/** Asked every few seconds, by machines. */
const PROBES: ReadonlySet<string | null> = new Set(["/health", "/ready"]);

/**
 * Logs `request` with the pattern of the route, never the path itself, a query or a token: `method`, `route`, `status`, `ms`
 * from its head to the end of its answer, `bytes` of the answer's body, and `caller`. An answer that was cut off is
 * `cut`, without a `status` if it had not begun. Probes that succeed are logged as `debug`.
 */
export function createAccessLog(logger: Logger): AccessLog {
  function logOf(request: IncomingMessage, response: ServerResponse, beganAtMs: number): void {
    const { route, caller, isForwarded } = factsOf(response);
    const facts = {
      method: request.method,
      route,
      status: response.headersSent ? response.statusCode : null,
      ms: Math.round((performance.now() - beganAtMs) * 10) / 10,
      bytes: bodyBytesOf(response),
      caller,
      ...(isForwarded && { forwarded: true }),
      // over HTTP/2 a stream that its client has left counts as finished
      ...(!(response.writableEnded && response.writableFinished) && { cut: true }),
    };
    if (PROBES.has(route) && facts.status === 200) logger.debug?.("request", facts);
    else logger.info("request", facts);
  }

  return {
    onRefused: (status) => logger.info("request", { method: null, route: null, status }),
    follow: (server) => eachAnswer(server, logOf),
  };
}

/** What the responses of our servers count, over HTTP/1.1 and HTTP/2. */
function bodyBytesOf(response: ServerResponse): number | null {
  const { bodyBytes = null }: { readonly bodyBytes?: number | null } = Object(response);
  return bodyBytes;
}
