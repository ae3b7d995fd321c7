import type { EventFacts } from "../../ports/runner-client.ts";
import { isTerminal, nextSpan, NO_RUN_OPEN, type RunSpan } from "./run-span.ts";

/** What an agent is doing, as session documents show it. */
export type AgentStatus = "working" | "idle" | "waiting_input";

/** The phase of a run. */
type RunPhase = "waiting" | "started" | "ended";

/** A run that was admitted, or that the log names. */
export interface KnownRun {
  readonly runId: string;
  readonly threadId: string;
  readonly phase: RunPhase;
}

/**
 * What is known of a session without reading its log: the log folded up to an offset, and the runs
 * that were admitted and have not begun. Those are known by their admission and by their marks,
 * never by the log: any event of a runner could look like the announcement of a run.
 */
export interface SessionState extends RunSpan {
  /** Every event before this offset of the raw log is counted. */
  readonly offset: number;
  /** Null until an event decided it. */
  readonly status: AgentStatus | null;
  /**
   * `toolCallId` of the question that the agent asked last, until it is answered; "" of an interrupt,
   * until a run begins.
   */
  readonly question: string | null;
  /**
   * In the order of their admission: those that wait, the last 100 of the others that were posted, and
   * the last 100 that only runners know.
   */
  readonly runs: readonly KnownRun[];
}

export const EMPTY_STATE: SessionState = {
  offset: 0,
  status: null,
  question: null,
  ...NO_RUN_OPEN,
  runs: [],
};

/**
 * Runs that are remembered beside those that wait, so that a run that is posted again is not run
 * again.
 */
export const REMEMBERED_RUNS = 100;

/** The state after the next event of the log (the rules of agentStatus: PROTOCOL 7.4). */
export function foldEvent(before: SessionState, event: EventFacts): SessionState {
  const state = { ...before, offset: before.offset + event.bytes };
  switch (event.type) {
    case "RUN_STARTED": {
      const { span, runId } = nextSpan(state, event);
      return { ...working(withRun(state, runId, "started")), ...span };
    }
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
      return endRun(state, event);
    case "CUSTOM":
      if (event.name !== "on_interrupt") return state;
      return { ...state, status: "waiting_input", question: "" };
    default:
      return state;
  }
}

/** Types of the events that may change more than the offset, as `foldEvent` knows them. */
const CHANGING: ReadonlySet<string> = new Set([
  "RUN_STARTED",
  "TOOL_CALL_START",
  "TOOL_CALL_RESULT",
  "RUN_FINISHED",
  "RUN_ERROR",
  "CUSTOM",
]);

/** The state after the next events: as `foldEvent` for each, without a state for each. */
export function foldEvents(before: SessionState, events: readonly EventFacts[]): SessionState {
  let state = before;
  let passed = 0;
  for (const event of events) {
    if (CHANGING.has(event.type)) {
      state = foldEvent({ ...state, offset: state.offset + passed }, event);
      passed = 0;
    } else passed += event.bytes;
  }
  return passed === 0 ? state : { ...state, offset: state.offset + passed };
}

/** The state with a run that was just admitted. */
export function admitRun(state: SessionState, runId: string, threadId: string): SessionState {
  const others = state.runs.filter((run) => run.runId !== runId);
  return {
    ...working(state),
    runs: remembered([...others, { runId, threadId, phase: "waiting" }]),
  };
}

/** The state with the thread of a run that was pushed, which its RUN_STARTED has begun. */
export function nameThread(state: SessionState, runId: string, threadId: string): SessionState {
  const runs = state.runs.map((run) => (run.runId === runId ? { ...run, threadId } : run));
  return { ...state, runs };
}

/** The state without a run that never reached its runner, so that it may be posted again. */
export function forgetRun(state: SessionState, runId: string): SessionState {
  return settled({ ...state, runs: state.runs.filter((run) => run.runId !== runId) });
}

/** The runs that have not ended: those that wait, and the one that is open. */
export function unendedRuns(state: SessionState): readonly KnownRun[] {
  const { openRun, runs } = state;
  const waiting = runs.filter(({ runId, phase }) => phase === "waiting" && runId !== openRun);
  // a run without an id cannot be ended by one
  if (!openRun) return waiting;
  const threadId = findRun(state, openRun)?.threadId ?? "";
  return [{ runId: openRun, threadId, phase: "started" }, ...waiting];
}

/** The state once it is known that nobody works on the session, whatever its log shows. */
export function settled(state: SessionState): SessionState {
  if (state.status !== "working" || unendedRuns(state).length > 0) return state;
  return { ...state, status: restingStatus(state) };
}

export function findRun(state: SessionState, runId: string): KnownRun | null {
  return state.runs.find((run) => run.runId === runId) ?? null;
}

/**
 * The run of this id, if it has begun, so that posting it again begins nothing. One that only waits
 * is started by the queue that has it, or by nobody.
 */
export function begunRun(state: SessionState, runId: string): KnownRun | null {
  const known = findRun(state, runId);
  return known?.phase === "waiting" ? null : known;
}

/**
 * A terminal that ends no run changes nothing; one without an id where no run is open ends the
 * work.
 */
function endRun(state: SessionState, event: EventFacts): SessionState {
  const { span, runId, endsAll } = nextSpan(state, event);
  const known = findRun(state, runId);
  if (!endsAny(state, { runId, endsAll })) return { ...state, ...span };
  const isNamed = known !== null || !endsAll;
  const after = withRun(endsAll ? withoutStarted(state) : state, isNamed ? runId : null, "ended");
  const isAsking = event.type === "RUN_FINISHED" && event.outcome === "interrupt";
  const question = isAsking ? (state.question ?? "") : state.question;
  const next = { ...after, ...span, question };
  return next.openRun === null ? { ...next, status: restingStatus(next) } : next;
}

/** Whether a terminal of this run ends anything. */
function endsAny(
  state: SessionState,
  { runId, endsAll }: { readonly runId: string; readonly endsAll: boolean },
): boolean {
  const { openRun } = state;
  const known = findRun(state, runId);
  const isOpen =
    runId === (openRun ?? "") || (endsAll && (openRun !== null || isAnyStarted(state)));
  return isOpen || (known !== null && known.phase !== "ended");
}

/** The ids of the runs that an event ends, by the same rules as `foldEvent`; a run without an id is left out. */
export function runsEndedBy(state: SessionState, event: EventFacts): readonly string[] {
  if (!isTerminal(event)) return [];
  const step = nextSpan(state, event);
  if (!endsAny(state, step)) return [];
  const ended = new Set([step.endsAll ? "" : step.runId]);
  if (step.endsAll) {
    ended.add(state.openRun ?? "");
    for (const { phase, runId } of state.runs)
      if (phase === "started" || (phase === "waiting" && runId === step.runId)) ended.add(runId);
  }
  return [...ended].filter((runId) => runId !== "" && findRun(state, runId)?.phase !== "ended");
}

function isAnyStarted({ runs }: SessionState): boolean {
  return runs.some(({ phase }) => phase === "started");
}

function withoutStarted(state: SessionState): SessionState {
  if (!isAnyStarted(state)) return state;
  const runs = state.runs.map((run) =>
    run.phase === "started" ? { ...run, phase: "ended" as const } : run,
  );
  return { ...state, runs };
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

/**
 * Forgets the oldest runs beyond those that are remembered: of the runs that were posted, and apart
 * from them of those that only runners know, so that these never drive out the others. What waits is
 * never forgotten.
 */
function remembered(runs: readonly KnownRun[]): readonly KnownRun[] {
  if (runs.length <= REMEMBERED_RUNS) return runs;
  const surplus = { posted: -REMEMBERED_RUNS, other: -REMEMBERED_RUNS };
  for (const run of runs) if (run.phase !== "waiting") surplus[originOf(run)]++;
  return runs.filter((run) => run.phase === "waiting" || surplus[originOf(run)]-- <= 0);
}

/** Only a run that was admitted has a thread. */
function originOf({ threadId }: KnownRun): "posted" | "other" {
  return threadId === "" ? "other" : "posted";
}
