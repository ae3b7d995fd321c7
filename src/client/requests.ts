import { errorOf, SessionClientError } from "./client-error.ts";

/** Headers of requests, as an object or as a function that is asked before each request. */
export type ClientHeaders =
  | Readonly<Record<string, string>>
  | (() => Readonly<Record<string, string>> | Promise<Readonly<Record<string, string>>>);

/** Three heartbeats of the server. */
export const SILENCE_MS = 45_000;

/** The part of `fetch` that a client needs. */
export type ClientFetch = (url: string, init: RequestInit) => Promise<Response>;

/** Where sessions are, and how they are asked. */
export interface ConnectionOptions {
  /** The address of a project's sessions, as `…/api/projects/<project>/agentic-sessions`. In a browser it may be relative. */
  readonly url: string;
  /** Default: the platform's. */
  readonly fetch?: ClientFetch | undefined;
  /** Such as `Authorization`. A function is asked before each request: its token may be renewed. Default: none. */
  readonly headers?: ClientHeaders | undefined;
  /**
   * How long in ms a server may be away: without an answer for so long a stream, or a run that is posted, fails.
   * Default 300,000.
   */
  readonly patienceMs?: number | undefined;
  /**
   * How long in ms a stream may be silent before it is taken as broken and connected anew. The server sends something
   * every 15 s. Default 45,000.
   */
  readonly silenceMs?: number | undefined;
}

/** One request: its path below the address of the sessions, and what differs from a plain GET. */
export interface ClientRequest {
  readonly path: string;
  readonly method?: "POST" | "DELETE";
  /** Sent as JSON. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
  /** Whether its answer has to begin within `silenceMs`: that of a stream, and of what may be asked again. */
  readonly isPrompt?: boolean;
}

/**
 * Sends a request. Throws SessionClientError where the answer is none of success or does not begin
 * in time, and the signal's reason.
 */
export type Send = (request: ClientRequest) => Promise<Response>;

export function senderOf(options: ConnectionOptions): Send {
  const { headers = {}, fetch: given, silenceMs = SILENCE_MS } = options;
  const url = options.url.replace(/\/+$/, "");
  // a browser's own wants to be called without an object
  const fetchIt: ClientFetch = given ?? ((address, init) => fetch(address, init));

  return async ({
    path,
    method = "GET",
    body,
    headers: more,
    signal: leaving,
    isPrompt = false,
  }) => {
    const waiting = new AbortController();
    const signal = leaving ? AbortSignal.any([leaving, waiting.signal]) : waiting.signal;
    const timer = isPrompt && setTimeout(() => waiting.abort(silent(url)), silenceMs);
    try {
      const response = await fetchIt(`${url}${path}`, {
        method,
        headers: {
          ...(typeof headers === "function" ? await headers() : headers),
          ...(body !== undefined && { "Content-Type": "application/json" }),
          ...more,
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
        signal,
      }).catch((cause: unknown) => {
        if (signal.aborted) throw signal.reason;
        throw new SessionClientError(`${url} cannot be reached`, {
          status: null,
          code: "unreachable",
          cause,
        });
      });
      if (signal.aborted) {
        // only where the answer is made in this process does one come nevertheless
        await response.body?.cancel();
        throw signal.reason;
      }
      if (response.ok) return response;
      throw await errorOf(response);
    } finally {
      if (timer !== false) clearTimeout(timer);
    }
  };
}

function silent(url: string): SessionClientError {
  return new SessionClientError(`${url} does not answer`, { status: null, code: "silent" });
}

/** The JSON of an answer. Throws SessionClientError: `disconnected` where it has come in part, `not-json`. */
export async function jsonOf<T>(answer: Promise<Response>): Promise<T> {
  const response = await answer;
  const { status, headers } = response;
  const type = headers.get("Content-Type") ?? "";
  if (!type.includes("json"))
    throw new SessionClientError(`The server answered with ${type || "nothing"} instead of JSON`, {
      status,
      code: "not-json",
    });
  try {
    const said: T = JSON.parse(await response.text());
    return said;
  } catch (cause) {
    // a server that stops breaks answers off, some before their first byte
    throw new SessionClientError("The answer broke off", {
      status: null,
      code: "disconnected",
      cause,
    });
  }
}

/** The path of a session below the address of its project's sessions. */
export function sessionPath(session: string): string {
  return `/${encodeURIComponent(session)}`;
}
