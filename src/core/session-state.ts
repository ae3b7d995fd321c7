import type { EventFacts } from "../ports/runner-client.ts";

/** What an agent is doing, as session documents say it. */
export type AgentStatus = "working" | "idle" | "waiting_input";

/** How far a run has come. */
type RunPhase = "waiting" | "started" | "ended";

/** A run that was admitted, or that the log speaks of. */
export interface KnownRun {
  readonly runId: string;
  readonly threadId: string;
  readonly phase: RunPhase;
}

/**
 * What is known of a session without reading its log: the log folded up to an offset. Everything in
 * it can be had again by folding the log from its start.
 */
export interface SessionState {
  /** Every event before this offset of the raw log is counted. */
  readonly offset: number;
  /** Null until an event decided it. */
  readonly status: AgentStatus | null;
  /** `toolCallId` of the question that the agent asked last, until it is answered. */
  readonly question: string | null;
  /** The run that events without a run id belong to: the last one started, until it ends. */
  readonly openRun: string | null;
  /** In the order of their admission: those that wait, and the last 100 of the others. */
  readonly runs: readonly KnownRun[];
}

export const EMPTY_STATE: SessionState = {
  offset: 0,
  status: null,
  question: null,
  openRun: null,
  runs: [],
};

/** How many runs are remembered beside those that wait, so that a run that is posted again is not run again. */
export const REMEMBERED_RUNS = 100;

/** The run of a migrated log: nobody works on it. */
export const MIGRATION_RUN = "legacy-migration";

/** The state behind the next event of the log (the rules of agentStatus: PROTOCOL 7.4). */
export function foldEvent(before: SessionState, event: EventFacts): SessionState {
  const state = { ...before, offset: before.offset + event.bytes };
  switch (event.type) {
    case "MESSAGES_SNAPSHOT":
      return announces(before, event.runId)
        ? working(withRun(state, event.runId, "waiting"))
        : state;
    case "RUN_STARTED":
      return { ...working(withRun(state, event.runId, "started")), openRun: event.runId };
    case "TOOL_CALL_START":
      if (!asksTheUser(event.toolCallName)) return state;
      return { ...state, status: "waiting_input", question: event.toolCallId ?? "" };
    case "TOOL_CALL_RESULT":
      if (state.question === null || event.toolCallId !== state.question) return state;
      return {
        ...state,
        question: null,
        status: state.openRun === null ? state.status : "working",
      };
    case "RUN_FINISHED":
    case "RUN_ERROR":
      return endRun(state, event.runId);
    default:
      return state;
  }
}

/** The state with a run that was just admitted. */
export function admitRun(state: SessionState, runId: string, threadId: string): SessionState {
  return {
    ...working(state),
    runs: remembered([...state.runs, { runId, threadId, phase: "waiting" }]),
  };
}

/** The state without a run whose admission failed: nothing of it was stored. */
export function withdrawRun(state: SessionState, runId: string): SessionState {
  const runs = state.runs.filter((run) => run.runId !== runId);
  return { ...state, runs, status: restingStatus({ ...state, runs }) };
}

export function findRun(state: SessionState, runId: string): KnownRun | null {
  return state.runs.find((run) => run.runId === runId) ?? null;
}

function endRun(state: SessionState, runId: string | null): SessionState {
  const ended = runId ?? state.openRun;
  const known = ended === null ? null : findRun(state, ended);
  // a terminal of another run than the open one changes nothing, unless that run was waiting for it
  if (runId !== null && runId !== state.openRun && known?.phase !== "waiting") return state;
  const after = ended === null ? state : withRun(state, ended, "ended");
  const next = {
    ...after,
    openRun: runId === null || runId === state.openRun ? null : state.openRun,
  };
  return next.openRun === null ? { ...next, status: restingStatus(next) } : next;
}

/** A snapshot with the id of a run that has not started is the caller's: a run is on its way. */
function announces({ runs }: SessionState, runId: string | null): runId is string {
  if (runId === null || runId === "" || runId === MIGRATION_RUN) return false;
  const known = runs.find((run) => run.runId === runId);
  return known === undefined || known.phase === "waiting";
}

function asksTheUser(toolCallName: string | null): boolean {
  return toolCallName?.toLowerCase().replace(/[^a-z]/g, "") === "askuserquestion";
}

function working(state: SessionState): SessionState {
  return { ...state, status: "working", question: null };
}

function restingStatus({ runs, question }: SessionState): AgentStatus {
  if (runs.some(({ phase }) => phase === "waiting")) return "working";
  return question === null ? "idle" : "waiting_input";
}

function withRun(state: SessionState, runId: string | null, phase: RunPhase): SessionState {
  if (runId === null || runId === "") return state;
  const known = findRun(state, runId);
  if (known?.phase === phase) return state;
  const run = { runId, threadId: known?.threadId ?? "", phase };
  const runs = known
    ? state.runs.map((other) => (other.runId === runId ? run : other))
    : [...state.runs, run];
  return { ...state, runs: remembered(runs) };
}

/** Forgets the oldest runs beyond those that are remembered; what waits is never forgotten. */
function remembered(runs: readonly KnownRun[]): readonly KnownRun[] {
  let surplus = runs.filter(({ phase }) => phase !== "waiting").length - REMEMBERED_RUNS;
  if (surplus <= 0) return runs;
  return runs.filter(({ phase }) => phase === "waiting" || surplus-- <= 0);
}
