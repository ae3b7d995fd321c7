import type { SessionMessage } from "./api-types.ts";

// What the server is asked, as PROTOCOL.md says, section by section. What it answers is in api-types.ts.

/** Which events a page has: those after a cursor, before one or at an offset; without any the latest (20.1). */
export interface PageQuery {
  /** An empty one means from the start. Not together with `before`. */
  readonly after?: string;
  /** An empty one means from the end. */
  readonly before?: string;
  /** In place of both: from the first event that begins at or after this byte of the history, such as half of its `size`. */
  readonly offset?: number;
  /** 1 to 10,000. Default 100. */
  readonly limit?: number;
  /** `raw`: every event as it was stored. Default: finished runs come compact. */
  readonly view?: "raw";
}

export interface RunsQuery {
  /** The `next` of the page before. Default: the latest. */
  readonly cursor?: string;
  /** 1 to 10,000 of the runs that have ended. Default 100. */
  readonly limit?: number;
}

/** What a run is posted with: a `RunAgentInput` of AG-UI, of which the messages are enough (5.1). */
export interface RunInput {
  readonly messages: readonly Omit<SessionMessage, "id">[];
  /** Default: a new one, by which the same run may be posted again. */
  readonly runId?: string;
  /** Default: the session's name. */
  readonly threadId?: string;
  readonly state?: unknown;
  readonly tools?: readonly unknown[];
  readonly context?: readonly unknown[];
  readonly forwardedProps?: Readonly<Record<string, unknown>>;
  readonly resume?: readonly unknown[];
}

/** Up to where a fork has the log (20.4). */
export interface ForkPoint {
  /** A cursor. */
  readonly at: string;
  /** Default: that of the session. */
  readonly displayName?: string;
}

export interface ListQuery {
  /** At most 100. Default 20. */
  readonly limit?: number;
  /** How many are left out. Default 0. */
  readonly offset?: number;
  /** Only sessions whose name, display name or initial prompt contains it. */
  readonly search?: string;
}

/** What a session is created with (7.5); further members as there. */
export interface NewSession {
  /** Default: a random one. */
  readonly name?: string;
  readonly displayName?: string;
  readonly initialPrompt?: string;
  readonly [member: string]: unknown;
}

/** What somebody thinks of something, passed on to the agent (9.4). */
export interface Feedback {
  readonly metaType: string;
  readonly payload: Readonly<Record<string, unknown>>;
  /** Default: the session's name. */
  readonly threadId?: string;
  readonly [member: string]: unknown;
}

export interface ExportQuery {
  /** Default `json`. */
  readonly format?: "json" | "ndjson" | "markdown";
  /** `raw`: every event as it was stored. Default: finished runs come compact. */
  readonly view?: "raw";
}
