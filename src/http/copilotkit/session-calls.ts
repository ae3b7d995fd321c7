import type { Context } from "hono";
import type { SessionDirectory } from "../../ports/session-directory.ts";
import { envWithin } from "../outer-request.ts";

/** A whole server of sessions in this process, as `createRunlog` and `createApp` make it. */
export interface SessionServer {
  /** Answers a request below `/api/projects/…`. */
  readonly fetch: (request: Request, env?: object) => Response | Promise<Response>;
  /** The project whose sessions are meant. Default `default`. */
  readonly project?: string;
  /** What is underneath, for the names of its agents. Default: none has a name. */
  readonly service?: { readonly directory: Pick<SessionDirectory, "agents"> };
}

interface SessionCall {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** The session; null for all of the project. */
  readonly session: string | null;
  /** What follows it in the path, with a query. Default none. */
  readonly path?: string;
  readonly accept?: string;
  /** JSON. Default none. */
  readonly body?: Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array> | string;
}

/** Calls a route of PROTOCOL for who sent a request. */
export type CallSession = (call: SessionCall) => Promise<Response>;

/** Headers of a request that concern its own body and answer. */
const OWN_HEADERS = [
  "content-length",
  "content-encoding",
  "content-type",
  "transfer-encoding",
  "if-none-match",
  "accept-encoding",
];

/** The calls for the request of `c`: with its headers, so that they are allowed what its sender is. */
export function sessionCalls(
  { fetch, project = "default" }: SessionServer,
  c: Context,
): CallSession {
  return async ({ accept = "application/json", body, method, path = "", session }) => {
    const url = new URL(c.req.url);
    const name = session === null ? "" : `/${encodeURIComponent(session)}`;
    const base = `/api/projects/${encodeURIComponent(project)}/agentic-sessions`;
    const headers = new Headers(c.req.raw.headers);
    for (const own of OWN_HEADERS) headers.delete(own);
    headers.set("Accept", accept);
    if (body !== undefined) headers.set("Content-Type", "application/json");
    const init = { method, headers, signal: c.req.raw.signal, body: body ?? null, duplex: "half" };
    return await fetch(new Request(`${url.origin}${base}${name}${path}`, init), envWithin(c));
  };
}
