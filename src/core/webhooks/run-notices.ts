import type { EventFacts } from "../../ports/runner-client.ts";
import { hashText, shortHash } from "../model/posted-message-ids.ts";
import { foldEvent, runsEndedBy, type SessionState } from "../model/session-state.ts";

/** What a notice is about (PROTOCOL 22.2). */
type NoticeType = "run.finished" | "run.failed" | "run.cancelled" | "run.waiting_input";

/** What became of a run, according to one event of the log. */
export interface RunNotice {
  readonly type: NoticeType;
  /** The run; null where the agent asks and no run is open. */
  readonly runId: string | null;
  /** Whether the run is over. */
  readonly ended: boolean;
  /** The tool call by which the agent asks, or null. */
  readonly toolCallId: string | null;
  /** Where the event's line begins and ends. */
  readonly line: { readonly start: number; readonly end: number };
}

interface Step {
  readonly state: SessionState;
  readonly notices: readonly RunNotice[];
}

/** The state after an event whose line begins at `start`, and the notices that the event gives. */
export function noticeStep(before: SessionState, event: EventFacts, start: number): Step {
  const state = foldEvent(before, event);
  const line = { start, end: start + event.bytes };
  const ends = runsEndedBy(before, event).map((runId) => ({
    type: typeOfEnd(event),
    runId,
    ended: true,
    toolCallId: null,
    line,
  }));
  const asks = state.status === "waiting_input" && before.status !== "waiting_input";
  if (ends.length > 0 || !asks) return { state, notices: ends };
  const { openRun, question } = state;
  const asked = { runId: openRun || null, ended: false, toolCallId: question || null, line };
  return { state, notices: [{ type: "run.waiting_input", ...asked }] };
}

/**
 * The id of a notice: the same whoever makes it of the log, since it is made of the place in the log and the run
 * alone. Of `[a-z0-9_]`.
 */
export function noticeId(logId: string, { line, runId }: RunNotice): string {
  return `run_${logId}_${line.end}_${shortHash(hashText(runId ?? "")).toString(36)}`;
}

function typeOfEnd({ outcome, type }: EventFacts): NoticeType {
  if (type === "RUN_ERROR") return "run.failed";
  if (outcome === "cancelled") return "run.cancelled";
  return outcome === "interrupt" ? "run.waiting_input" : "run.finished";
}
