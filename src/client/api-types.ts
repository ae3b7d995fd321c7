// Made of the schemas of the OpenAPI document by `npm run docs:client-types`. There may be further members.

/** An event of AG-UI. */
export interface AgUiEvent {
  readonly type: string;
  readonly [member: string]: unknown;
}

/** A message of AG-UI. */
export interface SessionMessage {
  readonly id: string;
  readonly role: string;
  readonly [member: string]: unknown;
}

/** A run that was posted, or is going on (5.2). */
export interface RunIds {
  readonly runId: string;
  readonly threadId: string;
}

/** Tokens, summed (20.5). What nobody said is missing. */
export interface TokenUsage {
  readonly inputTokens?: number;
  readonly outputTokens?: number;
  readonly totalTokens?: number;
  readonly reasoningTokens?: number;
  readonly cachedInputTokens?: number;
  readonly cacheWriteInputTokens?: number;
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
  /** After the event that ended it. */
  readonly endCursor: string | null;
  readonly events: number;
  readonly bytes: number;
  readonly toolCalls: number;
  /** Null if nothing is said. */
  readonly usage: TokenUsage | null;
  readonly error: {
    readonly message: string;
    readonly code?: string | null;
  } | null;
}

/** A page of runs, newest first (20.2). */
export interface RunPage {
  readonly runs: readonly RunFacts[];
  /** Where the runs before go on; null if there are none. */
  readonly next: string | null;
}

/** What a session is now (12.6). */
export interface SessionNow {
  readonly threadId: string;
  /** Null where they take more room than the server has. */
  readonly messages: readonly SessionMessage[] | null;
  /** `{}` if nothing has set it; null where it is not known. */
  readonly state: unknown;
  readonly activeRun: RunIds | null;
  readonly waitingRuns: readonly {
    readonly runId: string;
    readonly threadId: string;
    readonly input?: unknown;
  }[];
  /** What the agent waits for; null where it takes too much room. */
  readonly interrupts: readonly unknown[] | null;
  /** Where the events go on after this. Null without a log. */
  readonly cursor: string | null;
  /** Something is left out because of its size. */
  readonly incomplete?: true;
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
    readonly [member: string]: unknown;
  };
  readonly spec: {
    readonly displayName: string;
    readonly initialPrompt?: string;
    readonly [member: string]: unknown;
  };
  readonly status?: {
    readonly phase?: string;
    /** Not there before an event has decided it (7.4). */
    readonly agentStatus?: "working" | "idle" | "waiting_input";
    readonly activeRun?: RunIds;
    readonly usage?: TokenUsage;
    readonly [member: string]: unknown;
  };
  readonly [member: string]: unknown;
}

/** A page of sessions, newest first (7.1). */
export interface SessionPage {
  readonly items: readonly SessionDocument[];
  readonly totalCount: number;
  readonly limit: number;
  readonly offset: number;
  readonly hasMore: boolean;
  /** There if `hasMore`. */
  readonly nextOffset?: number;
}

/** What a client had at a cursor (20.3). */
export interface SessionThen {
  readonly cursor: string;
  /** The run that was open. */
  readonly run: RunIds | null;
  /** For each item that was open in it the event that begins it. */
  readonly open: readonly AgUiEvent[];
  readonly interrupts: readonly unknown[] | null;
  readonly messages: readonly SessionMessage[] | null;
  readonly state: unknown;
  /** Something is left out because of its size. */
  readonly incomplete?: true;
}

/** A session that was created (7.5). */
export interface CreatedSession {
  readonly message: string;
  readonly name: string;
  readonly uid: string;
  readonly autoBranch: string;
}

/** A session whose log begins with that of another one (20.4). */
export interface ForkedSession {
  readonly name: string;
  readonly uid: string;
  /** Where its log ends. */
  readonly cursor: string | null;
}

/** What opens a session's event stream without a token (13.10). */
export interface StreamTicket {
  /** For `agui/events?ticket=`. */
  readonly ticket: string;
  /** When it has to be used for the first time, ISO 8601. */
  readonly expiresAt: string;
}
