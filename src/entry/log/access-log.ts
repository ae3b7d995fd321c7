import type { IncomingMessage, ServerResponse } from "node:http";
import type { Context } from "hono";
import type { ReportAnswer, RequestFacts } from "../../http/report-answers.ts";
import type { Logger } from "../../ports/logger.ts";
import type { HttpServer } from "../http-server.ts";

/** A line of the log for each request. */
export interface AccessLog {
  /** To be told by the routes what they know of a request. */
  readonly report: ReportAnswer;
  /** Logs the requests of a server from now on, each when its answer is over, however that came. */
  follow(server: HttpServer): void;
  /** Logs a connection that was refused with this status, since its bytes were no request. */
  readonly onRefused: (status: number) => void;
}

/** Where a response keeps them: a WeakMap of all responses costs a quarter of a short request in collections of garbage. */
const FACTS = Symbol("facts");

interface Answer {
  [FACTS]?: RequestFacts;
}

const UNKNOWN: RequestFacts = { route: null, caller: null, isForwarded: false };
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
    report: (c, facts) => {
      const response = responseOf(c);
      if (response) response[FACTS] = facts;
    },
    follow(server) {
      const follow = (request: IncomingMessage, response: ServerResponse): void => {
        const beganAtMs = performance.now();
        response.once("close", () => logOf(request, response, beganAtMs));
      };
      server.prependListener("request", follow);
      server.prependListener("checkExpectation", follow);
    },
  };
}

/** What the responses of our servers count, over HTTP/1.1 and HTTP/2. */
function bodyBytesOf(response: ServerResponse): number | null {
  const { bodyBytes = null }: { readonly bodyBytes?: number | null } = Object(response);
  return bodyBytes;
}

function factsOf(response: ServerResponse): RequestFacts {
  const { [FACTS]: facts = UNKNOWN }: Answer = Object(response);
  return facts;
}

/** The response of Node's that the adaptor has for the request. */
function responseOf(c: Context): Answer | null {
  const { outgoing }: { readonly outgoing?: Answer } = Object(c.env);
  return outgoing ?? null;
}
