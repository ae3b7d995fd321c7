import { createSessionClient, type RemoteSession, type SessionClient } from "../../client/index.ts";

/** How the server answers: as it should, not at all for now, or only to those who show a token. */
export type Reach = "ok" | "away" | "token-needed";

/** One session, as `runlog/client` has it. */
export type SessionApi = RemoteSession;

/** A view follows a session for as long as it is open, however long the server is away. */
const PATIENCE_MS = 24 * 60 * 60 * 1000;

/**
 * How this page speaks to its server. The token is kept in memory only: it is gone when the page is loaded anew, and is sent in
 * a header, never in an address.
 */
export class Connection {
  #token: string | null = null;
  #reach: Reach = "ok";
  readonly #listeners = new Set<() => void>();
  readonly #base: string;

  /** `base` is where the server's own routes begin: the address of the page. */
  constructor(base: string) {
    this.#base = base.replace(/[?#].*$/, "").replace(/[^/]*$/, "");
  }

  get reach(): Reach {
    return this.#reach;
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Null forgets it. */
  useToken(token: string | null): void {
    this.#token = token;
    this.#set("ok");
  }

  get hasToken(): boolean {
    return this.#token !== null;
  }

  /** The sessions of a project. */
  sessions(project: string): SessionClient {
    const url = `${this.#base}api/projects/${encodeURIComponent(project)}/agentic-sessions`;
    return createSessionClient({
      url,
      patienceMs: PATIENCE_MS,
      headers: () => (this.#token === null ? {} : { Authorization: `Bearer ${this.#token}` }),
      fetch: (address, init) => this.#fetch(address, init),
    });
  }

  async #fetch(address: string, init: RequestInit): Promise<Response> {
    try {
      const response = await fetch(address, { ...init, credentials: "same-origin" });
      // a token that was replaced meanwhile is not the one that was refused
      if (response.status === 401) this.#set("token-needed");
      else this.#set("ok");
      return response;
    } catch (error) {
      if (!init.signal?.aborted && this.#reach === "ok") this.#set("away");
      throw error;
    }
  }

  #set(reach: Reach): void {
    if (this.#reach === reach) return;
    this.#reach = reach;
    for (const listener of this.#listeners) listener();
  }
}
