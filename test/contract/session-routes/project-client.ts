import { expect } from "vitest";
import type { SessionRoutesHarness } from "./harness.ts";

/** A session's document, as far as tests look into it. */
export interface Document {
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly uid: string;
    readonly creationTimestamp: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec: Readonly<Record<string, unknown>>;
  readonly status: { readonly phase: string; readonly agentStatus?: string };
}

/** What a request is made of beside its path. */
export interface Sent {
  /** Text as it is, anything else as JSON; none if undefined. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** The sessions of a project, seen and changed from outside. */
export class ProjectClient {
  readonly path: string;
  readonly #server: SessionRoutesHarness;

  constructor(server: SessionRoutesHarness, project = "p1") {
    this.#server = server;
    this.path = `/api/projects/${project}/agentic-sessions`;
  }

  /** Sends a request to a session, or to the project if that is "". */
  send(method: string, suffix: string, { body, headers = {} }: Sent = {}): Promise<Response> {
    return this.#server.fetch(suffix === "" ? this.path : `${this.path}/${suffix}`, {
      method,
      headers: { ...(body !== undefined && { "Content-Type": "application/json" }), ...headers },
      ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
  }

  /** Makes a session and expects that to succeed; resolves with its name. */
  async create(body: unknown = {}, headers: Record<string, string> = {}): Promise<string> {
    const response = await this.send("POST", "", { body, headers });
    const text = await response.text();
    expect(response.status, text).toBe(201);
    return (JSON.parse(text) as { name: string }).name;
  }

  async get(session: string): Promise<Document> {
    return expectDocument(await this.send("GET", session), 200);
  }

  /** The names of the sessions that a list with this query has. */
  async names(query = ""): Promise<string[]> {
    const response = await this.#server.fetch(`${this.path}${query}`);
    expect(response.status).toBe(200);
    const { items } = (await response.json()) as { items: readonly Document[] };
    return items.map(({ metadata }) => metadata.name);
  }
}

/** Expects a session's document with this status. */
export async function expectDocument(response: Response, status: number): Promise<Document> {
  const text = await response.text();
  expect(response.status, text).toBe(status);
  return JSON.parse(text) as Document;
}
