import { sessionKey } from "../core/model/names.ts";
import type { SessionKey } from "../ports/log-store.ts";
import { openServer, type WorkerServer, type WorkerServerOptions } from "./worker-server.ts";

/** The part of a Durable Object's own storage that is used here. */
export interface ObjectState {
  readonly storage: {
    get(name: string): Promise<unknown>;
    put(name: string, value: SessionKey): Promise<void>;
    setAlarm(atMs: number): Promise<void>;
  };
}

/**
 * How often in ms an object with a run in flight asks to be kept. It is evicted after ten idle
 * seconds.
 */
const AWAKE_MS = 5_000;
const SESSION_PATHS = [
  /^\/api\/projects\/([^/]+)\/agentic-sessions\/([^/]+)/,
  /^\/v1\/streams\/([^/]+)\/([^/]+)/,
];
const SESSION = "session";

/**
 * One session: its writer, the admission of its runs, and its viewers. Isolates share nothing and
 * cannot await each other's promises, so all of a session is in one object. An object that was
 * ended in mid-run is woken by its alarm, and closes the run.
 */
export class SessionObject {
  readonly #storage: ObjectState["storage"];
  readonly #options: WorkerServerOptions;
  #server: Promise<WorkerServer> | null = null;

  constructor({ storage }: ObjectState, options: WorkerServerOptions) {
    this.#storage = storage;
    this.#options = options;
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
    this.#server ??= openServer(this.#options, key).catch((error: unknown) => {
      this.#server = null;
      throw error;
    });
    return this.#server;
  }

  async #stayAwake({ service }: WorkerServer): Promise<void> {
    if (service.runs.busySessions > 0) await this.#storage.setAlarm(Date.now() + AWAKE_MS);
  }
}

/** The session that a request is about; null if there is none, or none that could be. */
export function sessionOf({ url }: Request): SessionKey | null {
  const { pathname } = new URL(url);
  const found = SESSION_PATHS.map((path) => path.exec(pathname)).find((match) => match !== null);
  const [, project = "", session = ""] = found ?? [];
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
