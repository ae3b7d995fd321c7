/** What the server measures of itself. No value names a session, a user, a path or an address, so that series stay few. */
export interface Instrument {
  readonly name: string;
  /** `histogram`: a distribution; `counter`: only grows; `gauge`: as it is now. */
  readonly kind: "histogram" | "counter" | "gauge";
  /** As UCUM writes it: `s`, `By`, `1`, or `{things}`. */
  readonly unit: string;
  readonly description: string;
  /** Its attributes: the values that each can have, or in words how many there can be. */
  readonly attributes: Readonly<Record<string, string | readonly string[]>>;
}

const STORE_OPERATIONS = [
  "stat",
  "list",
  "create",
  "append",
  "drop_note",
  "document",
  "set_head",
  "set_document",
  "mark_open",
  "clear_open",
  "put_run_body",
  "run_body",
  "remove_run_body",
  "delete",
  "check",
  "owner_of",
  "acquire",
  "release",
] as const;
export type StoreOperation = (typeof STORE_OPERATIONS)[number];

const RUNNER_OPERATIONS = ["run", "resume", "listen", "call"] as const;
export type RunnerOperation = (typeof RUNNER_OPERATIONS)[number];

/** Of ends of runs, as webhooks name them (PROTOCOL 22.2). */
const RUN_ENDS = ["finished", "failed", "cancelled", "waiting_input"] as const;

const RESULT = "`ok`, or the code of the error (`RunlogErrorCode`), else `internal`";
const LOGS = ["raw", "compact", "edits", "runs", "keyframes", "times"] as const;
const BUDGETS = ["body", "message", "line", "replay", "ring", "intake"] as const;

type InstrumentId =
  | "buildInfo"
  | "requests"
  | "streams"
  | "sessions"
  | "budgetUsed"
  | "budgetLimit"
  | "runsOpen"
  | "runsWaiting"
  | "runEnds"
  | "appendedBytes"
  | "appendedEvents"
  | "storeCalls"
  | "storeReads"
  | "leases"
  | "compactionsWaiting"
  | "runnerCalls"
  | "runnerEvents"
  | "runnerBytes"
  | "eventLoopDelay"
  | "memory";

/** Every instrument there is: what is measured and `docs/telemetry.md` are made of these. */
export const INSTRUMENTS: Readonly<Record<InstrumentId, Instrument>> = {
  buildInfo: {
    name: "runlog.build.info",
    kind: "gauge",
    unit: "",
    description: "Always 1, with what is running as attributes",
    attributes: { version: "one", node: "one" },
  },
  requests: {
    name: "http.server.request.duration",
    kind: "histogram",
    unit: "s",
    description: "Time from the head of a request to the end of its answer, streams included",
    attributes: {
      "http.request.method": "the nine methods of RFC 9110 and 5789, else `_OTHER`",
      "http.route": "the pattern of its path; missing where no route has it",
      "http.response.status_code": "a status; missing where the answer was cut off before it began",
    },
  },
  streams: {
    name: "runlog.streams.open",
    kind: "gauge",
    unit: "{streams}",
    description: "Answers that are streamed now: viewers, replays and exports",
    attributes: {},
  },
  sessions: {
    name: "runlog.sessions.loaded",
    kind: "gauge",
    unit: "{sessions}",
    description: "Sessions whose state is in memory (the cache of sessions)",
    attributes: { state: ["used", "idle"] },
  },
  budgetUsed: {
    name: "runlog.budget.used",
    kind: "gauge",
    unit: "By",
    description: "Memory that is taken of a budget",
    attributes: { budget: BUDGETS },
  },
  budgetLimit: {
    name: "runlog.budget.limit",
    kind: "gauge",
    unit: "By",
    description: "Memory that a budget has",
    attributes: { budget: BUDGETS },
  },
  runsOpen: {
    name: "runlog.runs.open",
    kind: "gauge",
    unit: "{runs}",
    description: "Runs that this process has marked open and not cleared, those that wait included",
    attributes: {},
  },
  runsWaiting: {
    name: "runlog.runs.waiting",
    kind: "gauge",
    unit: "{runs}",
    description: "Runs that wait for the one before them in their session",
    attributes: {},
  },
  runEnds: {
    name: "runlog.runs.ended",
    kind: "counter",
    unit: "{runs}",
    description: "Ends of runs that this process has stored",
    attributes: { end: RUN_ENDS },
  },
  appendedBytes: {
    name: "runlog.append.size",
    kind: "counter",
    unit: "By",
    description: "Bytes appended to logs; those of compact are what compaction has written",
    attributes: { log: LOGS },
  },
  appendedEvents: {
    name: "runlog.append.events",
    kind: "counter",
    unit: "{events}",
    description: "Events appended to raw logs",
    attributes: {},
  },
  storeCalls: {
    name: "runlog.store.call.duration",
    kind: "histogram",
    unit: "s",
    description: "Time of a call of the store",
    attributes: { operation: STORE_OPERATIONS, result: RESULT },
  },
  storeReads: {
    name: "runlog.store.reads",
    kind: "counter",
    unit: "{reads}",
    description: "Reads of logs that were begun; how they end is in what their readers get",
    attributes: { log: LOGS },
  },
  leases: {
    name: "runlog.lease.acquired",
    kind: "counter",
    unit: "{leases}",
    description: "Answers to this process when it asked to have a session, by who has it then",
    attributes: { owner: ["here", "elsewhere", "nobody"] },
  },
  compactionsWaiting: {
    name: "runlog.compaction.waiting",
    kind: "gauge",
    unit: "{sessions}",
    description: "Sessions that wait to be compacted",
    attributes: {},
  },
  runnerCalls: {
    name: "runlog.runner.call.duration",
    kind: "histogram",
    unit: "s",
    description: "Time until a runner has answered",
    attributes: { operation: RUNNER_OPERATIONS, result: RESULT },
  },
  runnerEvents: {
    name: "runlog.runner.events",
    kind: "counter",
    unit: "{events}",
    description: "Events that came from runners",
    attributes: { operation: RUNNER_OPERATIONS },
  },
  runnerBytes: {
    name: "runlog.runner.size",
    kind: "counter",
    unit: "By",
    description: "Bytes of the events that came from runners",
    attributes: { operation: RUNNER_OPERATIONS },
  },
  eventLoopDelay: {
    name: "runlog.event_loop.delay",
    kind: "gauge",
    unit: "s",
    description: "How late the event loop was since the last look",
    attributes: { statistic: ["p50", "p99", "max"] },
  },
  memory: {
    name: "process.memory.usage",
    kind: "gauge",
    unit: "By",
    description: "Resident memory of the process",
    attributes: {},
  },
};

/** All of them, in their order. */
export const ALL_INSTRUMENTS: readonly Instrument[] = Object.values(INSTRUMENTS);
