import type { Context } from "hono";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import { RunlogError, type RunlogErrorCode } from "../ports/errors.ts";

interface Kind {
  readonly status: ContentfulStatusCode;
  /** Seconds after which trying again makes sense. */
  readonly retryAfter?: number;
}

/** The only place where an error code becomes a status. */
const KINDS = {
  "invalid-name": { status: 400 },
  "invalid-input": { status: 400 },
  "unsupported-media-type": { status: 415 },
  "body-too-large": { status: 413 },
  "request-timeout": { status: 408, retryAfter: 2 },
  "host-refused": { status: 403 },
  "token-missing": { status: 401 },
  "token-invalid": { status: 401 },
  "access-denied": { status: 403 },
  "review-failed": { status: 500 },
  "session-not-found": { status: 404 },
  "event-not-found": { status: 404 },
  "session-exists": { status: 409 },
  "session-running": { status: 409 },
  "session-conflict": { status: 409 },
  "run-active": { status: 409 },
  "run-not-found": { status: 404 },
  "agent-not-found": { status: 404 },
  "agent-conflict": { status: 409 },
  "agent-not-configured": { status: 409 },
  "run-ended": { status: 410 },
  "platform-failed": { status: 500 },
  overloaded: { status: 503, retryAfter: 2 },
  "rate-limited": { status: 429 },
  "log-not-found": { status: 404 },
  "log-not-writable": { status: 503, retryAfter: 5 },
  "log-not-adoptable": { status: 409 },
  "log-fenced": { status: 503, retryAfter: 1 },
  "log-not-owned": { status: 503, retryAfter: 5 },
  "peer-unreachable": { status: 503, retryAfter: 2 },
  "log-range": { status: 500 },
  "head-too-large": { status: 500 },
  "document-too-large": { status: 413 },
  "store-closed": { status: 503, retryAfter: 2 },
  "store-locked": { status: 503, retryAfter: 5 },
  "store-format": { status: 500 },
  "store-full": { status: 503, retryAfter: 30 },
  "quota-exceeded": { status: 507, retryAfter: 60 },
  "store-busy": { status: 503, retryAfter: 2 },
  "store-unanswered": { status: 503, retryAfter: 5 },
  "store-failed": { status: 500 },
  "audit-not-writable": { status: 503, retryAfter: 30 },
  "archive-not-configured": { status: 501 },
  "archive-damaged": { status: 500 },
  "runner-unreachable": { status: 502 },
  "runner-refused": { status: 502 },
  "runner-disconnected": { status: 502 },
  "runner-not-an-event-stream": { status: 502 },
  "runner-address-unfit": { status: 502 },
  internal: { status: 500 },
} as const satisfies Record<RunlogErrorCode, Kind>;

/** Problems of a request as such, which no port reports. */
type HttpCode =
  | "bad-request"
  | "producer-fenced"
  | "producer-gap"
  | "content-type-mismatch"
  | "wrong-content-type"
  | "not-found"
  | "method-not-allowed"
  | "not-acceptable"
  | "misdirected"
  | "expectation-failed"
  | "headers-too-large"
  | "not-implemented";

const HTTP_KINDS: Readonly<Record<HttpCode, Kind>> = {
  "bad-request": { status: 400 },
  "producer-fenced": { status: 403 },
  "producer-gap": { status: 409 },
  "content-type-mismatch": { status: 409 },
  "wrong-content-type": { status: 415 },
  "not-found": { status: 404 },
  "method-not-allowed": { status: 405 },
  "not-acceptable": { status: 406 },
  misdirected: { status: 421 },
  "expectation-failed": { status: 417 },
  "headers-too-large": { status: 431 },
  "not-implemented": { status: 501 },
};

type ProblemCode = RunlogErrorCode | HttpCode;

const TITLES: Readonly<Record<number, string>> = {
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  406: "Not Acceptable",
  408: "Request Timeout",
  409: "Conflict",
  410: "Gone",
  413: "Content Too Large",
  415: "Unsupported Media Type",
  417: "Expectation Failed",
  421: "Misdirected Request",
  422: "Unprocessable Content",
  429: "Too Many Requests",
  431: "Request Header Fields Too Large",
  500: "Internal Server Error",
  501: "Not Implemented",
  502: "Bad Gateway",
  503: "Service Unavailable",
  507: "Insufficient Storage",
};

/** Codes of 5xx whose messages are made for clients. */
const OWN_TEXTS: ReadonlySet<RunlogErrorCode> = new Set([
  "overloaded",
  "log-not-writable",
  "review-failed",
  "log-not-owned",
  "audit-not-writable",
  "archive-not-configured",
  "quota-exceeded",
]);

/** Facts that a client may see as members of the problem document. */
const SHOWN_FACTS: ReadonlySet<string> = new Set(["runId", "limit", "phase", "agent"]);

export interface ProblemOptions {
  readonly code: ProblemCode;
  readonly detail: string;
  readonly facts?: Readonly<Record<string, unknown>>;
  /** In place of the code's own status: a runner's status that is passed on. */
  readonly status?: ContentfulStatusCode;
  /** Headers beyond those of every problem. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** A problem document as it is sent. */
export interface ProblemAnswer {
  readonly status: ContentfulStatusCode;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/**
 * A problem document (RFC 9457) with `error` equal to `detail`, which is what existing clients read.
 * Standard members win over facts of the same name. `instance` is the request's id.
 */
export function problemAnswer(
  { code, detail, facts = {}, headers = {}, ...options }: ProblemOptions,
  instance: string = crypto.randomUUID(),
): ProblemAnswer {
  const kind: Kind = isHttpCode(code) ? HTTP_KINDS[code] : KINDS[code];
  const status = options.status ?? kind.status;
  const shown = Object.entries(facts).filter(([name]) => SHOWN_FACTS.has(name));
  const body = {
    ...Object.fromEntries(shown),
    type: `/problems/${code}`,
    title: TITLES[status] ?? "Error",
    status,
    detail,
    error: detail,
    instance,
  };
  const { retryAfter } = kind;
  return {
    status,
    headers: {
      "Content-Type": "application/problem+json",
      ...(retryAfter !== undefined && { "Retry-After": String(retryAfter) }),
      ...headers,
    },
    body: JSON.stringify(body),
  };
}

/** The answer with a problem document. A HEAD request gets the headers alone. */
export function problem(c: Context, options: ProblemOptions): Response {
  const { status, headers, body } = problemAnswer(options, requestId(c));
  return c.body(body, status, { ...headers });
}

/**
 * The answer to an error that a handler threw. `fallback` is the route's own text for an unexpected
 * error: the text of a 5xx never contains a cause, an address or a path.
 */
export function problemOf(c: Context, error: unknown, fallback = "Internal error"): Response {
  if (!(error instanceof RunlogError)) return problem(c, { code: "internal", detail: fallback });
  const { code, facts } = error;
  const own = KINDS[code].status < 500 || OWN_TEXTS.has(code);
  const detail = own ? error.message : fallback;
  // where the error knows better than its code when trying again makes sense
  const { retryAfterS } = facts;
  const headers = typeof retryAfterS === "number" ? { "Retry-After": String(retryAfterS) } : {};
  return problem(c, { code, detail, facts, headers });
}

function isHttpCode(code: ProblemCode): code is HttpCode {
  return Object.hasOwn(HTTP_KINDS, code);
}

function requestId(c: Context): string {
  return c.req.header("X-Request-Id")?.slice(0, 128) || crypto.randomUUID();
}
