import { isObject, type JsonObject } from "./json-fields.ts";
import { type EncodedMessages, PostedMessageIds } from "./posted-message-ids.ts";
import { NO_RUN_OPEN, type RunSpan } from "./run-span.ts";
import { EMPTY_STATE, type KnownRun, type SessionState, settled } from "./session-state.ts";

/** The folded state of a session, and the messages that its clients posted. */
export interface Folded {
  readonly state: SessionState;
  readonly messages: PostedMessageIds;
}

/** The content of a session's head. */
export interface Checkpoint extends Folded {
  /** When it was saved, in epoch ms; null for one of an earlier version. */
  readonly savedAtMs: number | null;
}

const VERSION = 2;
/**
 * Bytes for the runs, of the 64 KiB that a checkpoint may have; the messages take up to 36 KiB, and
 * the rest less than 4.
 */
const MAX_RUN_BYTES = 24 * 1024;

type EncodedRun = readonly [runId: string, threadId: string, phase: KnownRun["phase"]];

const encoder = new TextEncoder();

/**
 * The checkpoint as bytes, within the bound of `LogStore.setHead` whatever runners and clients
 * send. Where the runs do not fit, those that only runners know are dropped first, the oldest
 * first, then those that do not wait.
 */
export function encodeCheckpoint({ messages, savedAtMs, state }: Checkpoint): Uint8Array {
  const { begun, ended, standIn } = state;
  const runs = fittingRuns(state.runs, sizeOf({ begun, ended, standIn }));
  return encoder.encode(
    JSON.stringify({ version: VERSION, savedAtMs, ...state, runs, ...messages.encode() }),
  );
}

/**
 * The checkpoint in `bytes`, or an empty one if this version cannot read it: then the log is folded
 * from its start.
 */
export function decodeCheckpoint(bytes: Uint8Array | null): Checkpoint {
  return (
    readCheckpoint(bytes) ?? {
      state: EMPTY_STATE,
      messages: new PostedMessageIds(),
      savedAtMs: null,
    }
  );
}

/** Whether a run is open or waits, as far as the checkpoint in `bytes` tells. */
export function hasOpenRun(bytes: Uint8Array | null): boolean {
  return decodeCheckpoint(bytes).state.status === "working";
}

/** Whether there is a checkpoint that cannot be read. */
export function isOddCheckpoint(bytes: Uint8Array | null): boolean {
  return bytes !== null && readCheckpoint(bytes) === null;
}

function readCheckpoint(bytes: Uint8Array | null): Checkpoint | null {
  try {
    const head: unknown = bytes && JSON.parse(new TextDecoder().decode(bytes));
    if (isHead(head))
      return {
        state: stateOf(head),
        messages: PostedMessageIds.decode(head),
        savedAtMs: timeOf(head),
      };
    if (!isFirstCheckpoint(head)) return null;
    const state = stateOf(head);
    // that version took any snapshot for the announcement of a run; a run that really waited has a
    // mark
    const runs = state.runs.filter(({ phase }) => phase !== "waiting");
    const messages = PostedMessageIds.decodeIds(head.messages);
    return { state: settled({ ...state, runs }), messages, savedAtMs: null };
  } catch {
    // a damaged head costs the time to fold the log, and nothing else
    return null;
  }
}

function timeOf({ savedAtMs }: EncodedCheckpoint): number | null {
  return typeof savedAtMs === "number" && savedAtMs > 0 ? savedAtMs : null;
}

interface FirstCheckpoint extends Omit<SessionState, "runs" | "begun" | "ended" | "standIn"> {
  readonly runs: readonly EncodedRun[];
  readonly messages: string;
}

type EncodedCheckpoint = FirstCheckpoint & EncodedMessages & { readonly savedAtMs?: unknown };

function stateOf(head: FirstCheckpoint): SessionState {
  const { offset, status, question, openRun, runs } = head;
  const known = runs.map(([runId, threadId, phase]) => ({ runId, threadId, phase }));
  return { offset, status, question, ...spanOf(head), openRun, runs: known };
}

/**
 * The span of a checkpoint. A missing or invalid member costs no more than the assignment of a
 * foreign terminal.
 */
function spanOf({ begun, ended, standIn }: Partial<Record<keyof RunSpan, unknown>>): RunSpan {
  const hashes = (value: unknown): number[] =>
    Array.isArray(value) ? value.filter((hash) => Number.isSafeInteger(hash)) : [];
  const known = isObject(standIn) ? standIn : {};
  const { runnerRunId, runId } = known;
  const isWhole = typeof runnerRunId === "string" && typeof runId === "string";
  return {
    ...NO_RUN_OPEN,
    standIn: isWhole ? { runnerRunId, runId } : null,
    begun: hashes(begun),
    ended: hashes(ended),
  };
}

function sizeOf(value: unknown): number {
  return encoder.encode(JSON.stringify(value)).length;
}

function fittingRuns(runs: readonly KnownRun[], takenBytes: number): EncodedRun[] {
  const encoded = runs.map(({ runId, threadId, phase }): EncodedRun => [runId, threadId, phase]);
  const sizes = encoded.map((run) => sizeOf(run) + 1);
  let surplus = sizes.reduce((sum, size) => sum + size, 0) - (MAX_RUN_BYTES - takenBytes);
  const dropped = new Set<number>();
  for (const isDroppable of DROPPED_IN_ORDER)
    for (const [place, run] of runs.entries()) {
      if (surplus <= 0) break;
      if (dropped.has(place) || !isDroppable(run)) continue;
      dropped.add(place);
      surplus -= sizes[place] ?? 0;
    }
  return encoded.filter((_, place) => !dropped.has(place));
}

/** A run that waits has a mark, by which it is found again after a crash. */
const DROPPED_IN_ORDER: readonly ((run: KnownRun) => boolean)[] = [
  ({ threadId, phase }) => threadId === "" && phase !== "waiting",
  ({ phase }) => phase !== "waiting",
  () => true,
];

const PHASES: readonly unknown[] = ["waiting", "started", "ended"] satisfies KnownRun["phase"][];
const STATUSES: readonly unknown[] = [
  null,
  "working",
  "idle",
  "waiting_input",
] satisfies SessionState["status"][];

/**
 * Only `encodeCheckpoint` writes checkpoints, but a disk that was full or lost its power may return
 * anything.
 */
function isHead(value: unknown): value is EncodedCheckpoint {
  return (
    isObject(value) &&
    value["version"] === VERSION &&
    saysState(value) &&
    typeof value["groupSize"] === "number" &&
    typeof value["groups"] === "string"
  );
}

/** Whether it is a checkpoint of the previous version. */
function isFirstCheckpoint(value: unknown): value is FirstCheckpoint {
  return isObject(value) && value["version"] === 1 && saysState(value);
}

function saysState({ offset, status, question, openRun, runs, messages }: JsonObject): boolean {
  return (
    Number.isSafeInteger(offset) &&
    Number(offset) >= 0 &&
    STATUSES.includes(status) &&
    isTextOrNull(question) &&
    isTextOrNull(openRun) &&
    typeof messages === "string" &&
    Array.isArray(runs) &&
    runs.every(isEncodedRun)
  );
}

function isEncodedRun(value: unknown): boolean {
  if (!Array.isArray(value) || value.length !== 3) return false;
  const [runId, threadId, phase] = value;
  return typeof runId === "string" && typeof threadId === "string" && PHASES.includes(phase);
}

function isTextOrNull(value: unknown): boolean {
  return value === null || typeof value === "string";
}
