import type { R2BucketLike } from "../../adapters/r2/index.ts";
import { problemAnswer } from "../http/problem.ts";
import { SECURITY_HEADERS } from "../http/security-headers.ts";
import { idOf } from "../ports/session-id.ts";
import { type ObjectState, sessionOf, SessionObject } from "./session-object.ts";
import { consoleLogger, openServer, type WorkerServerOptions } from "./worker-server.ts";

/** The part of a Durable Object namespace that is used here. */
interface DurableObjects {
  idFromName(name: string): unknown;
  get(id: unknown): { fetch(request: Request): Promise<Response> };
}

/** The bindings of a worker: a bucket for the logs, a Durable Object for each session, and variables. */
export interface WorkerBindings {
  readonly BUCKET: R2BucketLike;
  readonly RUNLOG: DurableObjects;
}

export type WorkerOptions = Pick<WorkerServerOptions, "runner" | "authorize">;

/** A session server in a worker. */
export interface WorkerRunlog {
  /** The whole server, the routes below `/api/projects/…/agentic-sessions`. */
  readonly fetch: (request: Request, env: WorkerBindings) => Promise<Response>;
  /** The class of the Durable Object that is bound as `RUNLOG`: the worker exports it. */
  readonly RunlogObject: new (
    state: ObjectState,
    env: WorkerBindings,
  ) => Pick<SessionObject, "fetch" | "alarm">;
}

/**
 * Makes a session server inside a host's own worker: an object of its own for each session, logs in
 * R2. Settings are the worker's variables; `runner` and `authorize` are as for Node, and without `authorize`
 * callers are asked as `RUNLOG_AUTH` says. Wrong variables are reported at the first request, which is answered with 500: a worker
 * has no start.
 *
 * @example
 * ```ts
 * import { createRunlog, type WorkerBindings } from "runlog/worker";
 *
 * const runlog = createRunlog({
 *   runner: "https://agent.example/",
 *   authorize: (c) => (c.req.header("Cookie")?.includes("session=") ? { user: "ann" } : null),
 * });
 * export const RunlogObject = runlog.RunlogObject;
 * export default { fetch: (request: Request, env: WorkerBindings) => runlog.fetch(request, env) };
 * ```
 */
export function createRunlog(options: WorkerOptions = {}): WorkerRunlog {
  const optionsOf = (env: WorkerBindings): WorkerServerOptions => ({
    ...options,
    env,
    bucket: env.BUCKET,
  });
  return {
    async fetch(request, env) {
      try {
        return await answer(request, env, optionsOf(env));
      } catch (error) {
        consoleLogger.error("request-failed", { error });
        const problem = { code: "internal", detail: "Internal error" } as const;
        const { status, headers, body } = problemAnswer(problem);
        return new Response(body, { status, headers: { ...SECURITY_HEADERS, ...headers } });
      }
    },
    RunlogObject: class extends SessionObject {
      constructor(state: ObjectState, env: WorkerBindings) {
        super(state, optionsOf(env));
      }
    },
  };
}

async function answer(
  request: Request,
  env: WorkerBindings,
  options: WorkerServerOptions,
): Promise<Response> {
  const plain = new Request(request);
  // workerd packs a body by its Content-Encoding header itself: one that is packed comes out twice
  plain.headers.delete("Accept-Encoding");
  const key = sessionOf(request);
  if (key) return env.RUNLOG.get(env.RUNLOG.idFromName(idOf(key))).fetch(plain);
  // a request that concerns no session, or creates one, needs no object that stays
  const server = await openServer(options, null);
  try {
    return await server.fetch(plain);
  } finally {
    await server.close();
  }
}

const configured: WorkerRunlog = createRunlog();
/** The Durable Object of a worker that is configured by variables alone. */
export const RunlogObject: WorkerRunlog["RunlogObject"] = configured.RunlogObject;
const worker: Pick<WorkerRunlog, "fetch"> = { fetch: configured.fetch };
export default worker;
