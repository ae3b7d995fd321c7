import type { AgUiEvent } from "./follow-events.ts";

// What the server answers, as PROTOCOL.md says, section by section. There may be further members.

/** A run that was posted, or is going on (5.2). */
export interface RunIds {
  readonly runId: string;
  readonly threadId: string;
}

/** A message of AG-UI. */
export interface SessionMessage {
  readonly id: string;
  readonly role: string;
  readonly [member: string]: unknown;
}

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

/** Some events that follow each other, oldest first (20.1). */
export interface EventPage {
  readonly events: readonly AgUiEvent[];
  /** The cursor of each. */
  readonly cursors: readonly string[];
  /** When each arrived, epoch ms; null where that is not known, as of what comes compact. */
  readonly times: readonly (number | null)[];
  /** For the page `before` this one. Null without a log, as `end`. */
  readonly start: string | null;
  /** For the page `after` this one. */
  readonly end: string | null;
  readonly hasBefore: boolean;
  readonly hasAfter: boolean;
  /** How many bytes of the history come before the page. */
  readonly startOffset: number;
  /** How many bytes it has up to the page's end. */
  readonly endOffset: number;
  /** How many bytes the whole history has. */
  readonly size: number;
}

export interface RunsQuery {
  /** The `next` of the page before. Default: the latest. */
  readonly cursor?: string;
  /** 1 to 10,000 of the runs that have ended. Default 100. */
  readonly limit?: number;
}

/** A page of runs, newest first (20.2). */
export interface RunPage {
  readonly runs: readonly RunFacts[];
  /** Where the runs before go on; null if there are none. */
  readonly next: string | null;
}

/** What there is to say of a run (20.2). */
export interface RunFacts {
  readonly runId: string;
  readonly threadId: string | null;
  readonly status:
    | "waiting"
    | "running"
    | "finished"
    | "interrupted"
    | "cancelled"
    | "error"
    | "unended";
  /** ISO 8601, as `endedAt`; null where the log does not say. */
  readonly startedAt: string | null;
  readonly endedAt: string | null;
  /** The page `after` it begins with the run. */
  readonly startCursor: string | null;
  readonly endCursor: string | null;
  readonly events: number;
  readonly bytes: number;
  readonly toolCalls: number;
  /** Tokens, summed; null if nothing is said. */
  readonly usage: Readonly<Record<string, unknown>> | null;
  readonly error: { readonly message: string; readonly code?: string | null } | null;
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

/** What a session is now (12.6). */
export interface SessionNow {
  readonly threadId: string;
  /** Null where they take more room than the server has. */
  readonly messages: readonly SessionMessage[] | null;
  /** `{}` if nothing has set it; null where it is not known. */
  readonly state: unknown;
  readonly activeRun: RunIds | null;
  readonly waitingRuns: readonly (RunIds & { readonly input?: unknown })[];
  /** What the agent waits for; null where it takes too much room. */
  readonly interrupts: readonly unknown[] | null;
  /** Where `events` goes on after this. Null without a log. */
  readonly cursor: string | null;
  /** Whether something is left out because of its size. */
  readonly incomplete?: true;
}

/** What a session was at a cursor (20.3). */
export interface SessionThen {
  readonly cursor: string;
  /** Null where they take more room than the server has. */
  readonly messages: readonly SessionMessage[] | null;
  /** `{}` if nothing had set it; null where it is not known. */
  readonly state: unknown;
  /** The run that was open. */
  readonly run: RunIds | null;
  /** The events that begin what was open in it. */
  readonly open: readonly AgUiEvent[];
  readonly interrupts: readonly unknown[] | null;
  /** Whether something is left out because of its size. */
  readonly incomplete?: true;
}

/** Up to where a fork has the log (20.4). */
export interface ForkPoint {
  /** A cursor. */
  readonly at: string;
  /** Default: that of the session. */
  readonly displayName?: string;
}

export interface ForkedSession {
  readonly name: string;
  readonly uid: string;
  /** The position after which it goes on. */
  readonly cursor: string;
}

/** A session's document (7.2). */
export interface SessionDocument {
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly uid?: string;
    readonly creationTimestamp?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec: {
    readonly displayName: string;
    readonly initialPrompt?: string;
    readonly [member: string]: unknown;
  };
  readonly status?: {
    readonly phase?: string;
    readonly agentStatus?: "working" | "idle" | "waiting_input";
    readonly activeRun?: RunIds;
    readonly [member: string]: unknown;
  };
  readonly [member: string]: unknown;
}

export interface ListQuery {
  /** At most 100. Default 20. */
  readonly limit?: number;
  /** How many are left out. Default 0. */
  readonly offset?: number;
  /** Only sessions whose name, display name or initial prompt contains it. */
  readonly search?: string;
}

/** A page of sessions, newest first (7.1). */
export interface SessionPage {
  readonly items: readonly SessionDocument[];
  readonly totalCount: number;
  readonly limit: number;
  readonly offset: number;
  readonly hasMore: boolean;
  readonly nextOffset?: number;
}

/** What a session is created with (7.5); further members as there. */
export interface NewSession {
  /** Default: a random one. */
  readonly name?: string;
  readonly displayName?: string;
  readonly initialPrompt?: string;
  readonly [member: string]: unknown;
}

export interface CreatedSession {
  readonly name: string;
  readonly uid: string;
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
