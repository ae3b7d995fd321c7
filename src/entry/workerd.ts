import { sessionKey } from "../core/model/names.ts";
import { problemAnswer } from "../http/problem.ts";
import { SECURITY_HEADERS } from "../http/security-headers.ts";
import type { SessionKey } from "../ports/log-store.ts";
import { idOf } from "../ports/session-id.ts";
import {
  consoleLogger,
  openServer,
  type WorkerBindings,
  type WorkerServer,
} from "./worker-server.ts";

/** The part of a Durable Object namespace that is used here. */
interface DurableObjects {
  idFromName(name: string): unknown;
  get(id: unknown): { fetch(request: Request): Promise<Response> };
}

/** The part of a Durable Object's own storage that is used here. */
interface ObjectState {
  readonly storage: {
    get(name: string): Promise<unknown>;
    put(name: string, value: SessionKey): Promise<void>;
    setAlarm(atMs: number): Promise<void>;
  };
}

/** The bindings of wrangler.toml, and variables. */
interface Env extends WorkerBindings {
  readonly RUNLOG: DurableObjects;
}

/**
 * How often in ms an object with a run in flight asks to be kept. It is evicted after ten idle
 * seconds.
 */
const AWAKE_MS = 5_000;
const SESSION_PATH = /^\/api\/projects\/([^/]+)\/agentic-sessions\/([^/]+)/;
const SESSION = "session";

/**
 * One session: its writer, the admission of its runs, and its viewers. Isolates share nothing and
 * cannot await each other's promises, so all of a session is in one object. An object that was
 * ended in mid-run is woken by its alarm, and closes the run.
 */
export class RunlogObject {
  readonly #storage: ObjectState["storage"];
  readonly #env: Env;
  #server: Promise<WorkerServer> | null = null;

  constructor({ storage }: ObjectState, env: Env) {
    this.#storage = storage;
    this.#env = env;
  }

  async fetch(request: Request): Promise<Response> {
    const key = sessionOf(request);
    if (!key) throw new TypeError("An object serves the requests of its session");
    if (!this.#server) await this.#storage.put(SESSION, key);
    const server = await this.#serve(key);
    const response = await server.fetch(request);
    await this.#stayAwake(server);
    return response;
  }

  async alarm(): Promise<void> {
    const key = await this.#storage.get(SESSION);
    if (isSessionKey(key)) await this.#stayAwake(await this.#serve(key));
  }

  #serve(key: SessionKey): Promise<WorkerServer> {
    this.#server ??= openServer(this.#env, key).catch((error: unknown) => {
      this.#server = null;
      throw error;
    });
    return this.#server;
  }

  async #stayAwake({ service }: WorkerServer): Promise<void> {
    if (service.runs.busySessions > 0) await this.#storage.setAlarm(Date.now() + AWAKE_MS);
  }
}

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    try {
      return await answer(request, env);
    } catch (error) {
      // a configuration with problems is seen at the first request: a worker has no start
      consoleLogger.error("request-failed", { error });
      const { status, headers, body } = problemAnswer({
        code: "internal",
        detail: "Internal error",
      });
      return new Response(body, { status, headers: { ...SECURITY_HEADERS, ...headers } });
    }
  },
};

async function answer(request: Request, env: Env): Promise<Response> {
  const plain = new Request(request);
  // workerd packs a body by its Content-Encoding header itself: one that is packed comes out twice
  plain.headers.delete("Accept-Encoding");
  const key = sessionOf(request);
  if (key) return env.RUNLOG.get(env.RUNLOG.idFromName(idOf(key))).fetch(plain);
  // a request that concerns no session, or creates one, needs no object that stays
  const server = await openServer(env, null);
  try {
    return await server.fetch(plain);
  } finally {
    await server.close();
  }
}

/** The session that a request is about; null if there is none, or none that could be. */
function sessionOf({ url }: Request): SessionKey | null {
  const [, project = "", session = ""] = SESSION_PATH.exec(new URL(url).pathname) ?? [];
  try {
    return sessionKey(decodeURIComponent(project), decodeURIComponent(session));
  } catch {
    // the routes report what is wrong with the name
    return null;
  }
}

function isSessionKey(value: unknown): value is SessionKey {
  return typeof value === "object" && value !== null && "project" in value && "session" in value;
}
