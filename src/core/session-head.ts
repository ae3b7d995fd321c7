import { isObject } from "./json-fields.ts";
import { KnownMessages } from "./known-messages.ts";
import { EMPTY_STATE, type KnownRun, type SessionState } from "./session-state.ts";

/** What a session's head holds: the folded state, and the messages that its clients posted. */
export interface SessionHead {
  readonly state: SessionState;
  readonly messages: KnownMessages;
}

const VERSION = 1;
/** Leaves room for the messages in the 64 KiB that a head may have. */
const MAX_RUN_BYTES = 32 * 1024;

const encoder = new TextEncoder();

/** The head as bytes, within the bound of `LogStore.setHead`: the oldest ended runs go first. */
export function encodeHead({ state, messages }: SessionHead): Uint8Array {
  const runs = state.runs.map(({ runId, threadId, phase }) => [runId, threadId, phase]);
  while (encoder.encode(JSON.stringify(runs)).length > MAX_RUN_BYTES) {
    const oldest = runs.findIndex(([, , phase]) => phase === "ended");
    if (oldest === -1) break;
    runs.splice(oldest, 1);
  }
  return encoder.encode(
    JSON.stringify({ version: VERSION, ...state, runs, messages: messages.encode() }),
  );
}

/**
 * What a head says, or an empty one if it says nothing that this version understands: then the log
 * is folded from its start.
 */
export function decodeHead(bytes: Uint8Array | null): SessionHead {
  return readHead(bytes) ?? { state: EMPTY_STATE, messages: new KnownMessages() };
}

/** Whether there is a head and nothing in it can be believed. */
export function isOddHead(bytes: Uint8Array | null): boolean {
  return bytes !== null && readHead(bytes) === null;
}

function readHead(bytes: Uint8Array | null): SessionHead | null {
  try {
    const head: unknown = bytes && JSON.parse(new TextDecoder().decode(bytes));
    if (!isHead(head)) return null;
    const { offset, status, question, openRun } = head;
    const runs = head.runs.map(([runId, threadId, phase]) => ({ runId, threadId, phase }));
    const messages = KnownMessages.decode(head.messages);
    return { state: { offset, status, question, openRun, runs }, messages };
  } catch {
    // a damaged head costs the time to fold the log, and nothing else
    return null;
  }
}

interface EncodedHead extends Omit<SessionState, "runs"> {
  readonly runs: readonly [string, string, KnownRun["phase"]][];
  readonly messages: string;
}

const PHASES: readonly unknown[] = ["waiting", "started", "ended"] satisfies KnownRun["phase"][];
const STATUSES: readonly unknown[] = [
  null,
  "working",
  "idle",
  "waiting_input",
] satisfies SessionState["status"][];

/** Only `encodeHead` writes heads; a disk that was full, or lost its power, may give back anything. */
function isHead(value: unknown): value is EncodedHead {
  if (!isObject(value) || value["version"] !== VERSION) return false;
  const { offset, status, question, openRun, runs, messages } = value;
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
