import { createSessionClient, type RemoteSession, type SessionClient } from "../../client/index.ts";

/** How the server answers: as it should, not at all for now, or only to those who show a token. */
export type Reach = "ok" | "away" | "token-needed";

/** One session, as `runlog/client` has it. */
export type SessionApi = RemoteSession;

/** An agent that a session can have (PROTOCOL 21.1). */
export interface AgentFacts {
  readonly name: string;
  readonly description?: string;
}

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
      headers: () => this.#headers(),
      fetch: (address, init) => this.#fetch(address, init),
    });
  }

  /** The agents of a server that has several; none where its one agent has no name. */
  async agents(project: string): Promise<readonly AgentFacts[]> {
    const url = `${this.#base}api/projects/${encodeURIComponent(project)}/agents`;
    const response = await this.#fetch(url, { headers: this.#headers() });
    if (!response.ok) return [];
    const { agents }: { readonly agents: readonly AgentFacts[] } = await response.json();
    return agents;
  }

  #headers(): Record<string, string> {
    return this.#token === null ? {} : { Authorization: `Bearer ${this.#token}` };
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
