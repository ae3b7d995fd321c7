import type { Dispatcher } from "undici";
import type { Caller } from "../../src/ports/authorizer.ts";
import type { Clock } from "../../src/ports/clock.ts";
import { RunlogError } from "../../src/ports/errors.ts";
import type { Cluster } from "./cluster.ts";
import { apiFailure, reasonOf, type Refusal } from "./failure.ts";

/** On whose behalf a request is made. There is no way from a caller to runlog's own account. */
export type Account =
  | { readonly kind: "own" }
  | { readonly kind: "caller"; readonly token: string };

export const OWN: Account = { kind: "own" };

/** The account of a caller. Throws `token-missing` without a token. */
export function accountOf({ token }: Pick<Caller, "token">): Account {
  if (token === null) throw new RunlogError("token-missing", "User token required");
  return { kind: "caller", token };
}

export interface ApiRequest {
  readonly account: Account;
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** From the API server's root on, percent-encoded. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Of the body; default `application/json`. */
  readonly contentType?: string;
  /** Default `application/json`. */
  readonly accept?: string;
  /** Default 30 s. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal | undefined;
}

export type ApiBody = AsyncIterable<Uint8Array>;

/**
 * Requests to the API server. Every one fails with `apiFailure`'s errors, after 30 s at the latest, or
 * with its signal's reason. Nothing is tried again.
 */
export interface Api {
  /** The answer as JSON, at most 8 MiB of it. */
  json<T>(request: ApiRequest): Promise<T>;
  /** Hands the answer's body to `read` as it comes; the time-out is for the whole of it. */
  read<T>(request: ApiRequest, read: (body: ApiBody) => Promise<T>): Promise<T>;
  /** As `read`, for an answer that goes on: the time-out is for its beginning. */
  follow<T>(request: ApiRequest, read: (body: ApiBody) => Promise<T>): Promise<T>;
}

const TIMEOUT_MS = 30_000;
const MAX_JSON_BYTES = 8 * 1024 * 1024;
const MAX_REFUSAL_BYTES = 64 * 1024;

export function createApi(cluster: Cluster, clock: Clock): Api {
  async function open(
    request: ApiRequest,
    signal: AbortSignal,
  ): Promise<Dispatcher.ResponseData["body"]> {
    const { account, method, path, query, body } = request;
    const { server, own, ownHeaders, callers } = await cluster.access();
    const isCaller = account.kind === "caller";
    const url = new URL(server + path);
    for (const [name, value] of Object.entries(query ?? {})) url.searchParams.set(name, value);
    const answer = await (isCaller ? callers : own).request({
      origin: url.origin,
      path: url.pathname + url.search,
      method,
      headers: {
        Accept: request.accept ?? "application/json",
        ...(isCaller ? { Authorization: `Bearer ${account.token}` } : ownHeaders),
        ...(body !== undefined && { "Content-Type": request.contentType ?? "application/json" }),
      },
      body: body === undefined ? null : JSON.stringify(body),
      signal,
    });
    if (answer.statusCode < 300) return answer.body;
    const { statusCode: status } = answer;
    const asked = `${method} ${server}${path}`;
    throw apiFailure(reasonOf(await readRefusal(answer)), { isCaller, status, asked });
  }

  async function exchange<T>(
    request: ApiRequest,
    read: (body: ApiBody) => Promise<T>,
    isEndless: boolean,
  ): Promise<T> {
    const { signal, timeoutMs = TIMEOUT_MS } = request;
    signal?.throwIfAborted();
    const connection = new AbortController();
    const onAbort = (): void => connection.abort();
    signal?.addEventListener("abort", onAbort, { once: true });
    const cancelTimeout = clock.after(timeoutMs, onAbort);
    try {
      const body = await open(request, connection.signal);
      if (isEndless) cancelTimeout();
      return await read(body);
    } catch (cause) {
      signal?.throwIfAborted();
      if (cause instanceof RunlogError) throw cause;
      const isCaller = request.account.kind === "caller";
      const asked = `${request.method} ${request.path}`;
      throw apiFailure("Unanswered", { isCaller, asked, cause });
    } finally {
      cancelTimeout();
      signal?.removeEventListener("abort", onAbort);
      // ends a body that was not read to its end; one that was has given its connection back
      connection.abort();
    }
  }

  return {
    json: <T>(request: ApiRequest) => exchange<T>(request, readJson, false),
    read: (request, read) => exchange(request, read, false),
    follow: (request, read) => exchange(request, read, true),
  };
}

async function readJson<T>(body: ApiBody): Promise<T> {
  const value: T = JSON.parse(await readText(body, MAX_JSON_BYTES));
  return value;
}

/** The reason in the answer; nothing if there is none. */
async function readRefusal({ statusCode: code, body }: Dispatcher.ResponseData): Promise<Refusal> {
  try {
    const status: Refusal = JSON.parse(await readText(body, MAX_REFUSAL_BYTES));
    return { ...status, code };
  } catch {
    return { code };
  }
}

async function readText(body: ApiBody, maxBytes: number): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > maxBytes)
      throw new RunlogError("platform-failed", "The API server's answer is too long");
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}
