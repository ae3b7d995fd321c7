import type { Clock } from "../../src/ports/clock.ts";
import { RunlogError } from "../../src/ports/errors.ts";
import type { SessionKey } from "../../src/ports/log-store.ts";
import { isBadPort, madeNoConnection } from "./retry.ts";
import { type SessionToken, withSessionToken } from "./session-token.ts";

/** One HTTP request to a session's runner. */
export interface HttpRequest {
  readonly key: SessionKey;
  readonly method: "GET" | "POST" | "DELETE";
  readonly url: string;
  readonly headers: Headers;
  readonly body?: Blob;
  /** How long in ms the answer's headers may take. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

export interface HttpTransport {
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>;
  readonly clock: Clock;
  /** Null: runners want no token. */
  readonly sessionToken: SessionToken | null;
}

/** An answer up to its headers. */
export interface OpenAnswer {
  readonly response: Response;
  /** Aborted with the request's signal; aborting it ends the body. */
  readonly connection: AbortController;
  /** Removes the listener from the request's signal. To be called when the body is over. */
  readonly release: () => void;
}

/**
 * Sends one request, with the session's token if there is one, and waits for the headers of its answer.
 * Throws the signal's reason, `runner-disconnected` when the connection broke or the answer did not come
 * in time, `runner-address-unfit`, `runner-unreachable` when the token cannot be read, and what `fetch`
 * threw where that made no connection.
 */
export function sendRequest(request: HttpRequest, transport: HttpTransport): Promise<OpenAnswer> {
  const { key, headers, signal } = request;
  const { sessionToken, clock } = transport;
  const sendNow = (): Promise<OpenAnswer> => sendOnce(request, transport);
  if (!sessionToken) return sendNow();
  return withSessionToken(headers, sendNow, { key, sessionToken, clock, signal });
}

async function sendOnce(request: HttpRequest, transport: HttpTransport): Promise<OpenAnswer> {
  const { signal } = request;
  signal.throwIfAborted();
  const connection = new AbortController();
  const onAbort = (): void => connection.abort(signal.reason);
  const release = (): void => signal.removeEventListener("abort", onAbort);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return { response: await send(request, connection, transport), connection, release };
  } catch (error) {
    release();
    throw error;
  }
}

async function send(
  { method, url, headers, body, timeoutMs }: HttpRequest,
  connection: AbortController,
  { fetch, clock }: HttpTransport,
): Promise<Response> {
  const { signal } = connection;
  const cancelTimeout = clock.after(timeoutMs, () =>
    connection.abort(
      new RunlogError("runner-disconnected", `the runner did not answer in ${timeoutMs} ms`, {
        waitedMs: timeoutMs,
      }),
    ),
  );
  try {
    const init: RequestInit = { method, headers: [...headers], redirect: "manual", signal };
    return await fetch(url, body === undefined ? init : { ...init, body });
  } catch (cause) {
    signal.throwIfAborted();
    if (madeNoConnection(cause)) throw cause;
    if (isBadPort(cause))
      throw new RunlogError("runner-address-unfit", "fetch asks nobody at the runner's port", {
        cause,
      });
    throw new RunlogError("runner-disconnected", "the runner closed the connection", { cause });
  } finally {
    cancelTimeout();
  }
}
