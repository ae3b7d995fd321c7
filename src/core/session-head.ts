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
  try {
    const head: unknown = bytes && JSON.parse(new TextDecoder().decode(bytes));
    if (isHead(head)) {
      const { offset, status, question, openRun } = head;
      const runs = head.runs.map(([runId, threadId, phase]) => ({ runId, threadId, phase }));
      const messages = KnownMessages.decode(head.messages);
      return { state: { offset, status, question, openRun, runs }, messages };
    }
  } catch {
    // a damaged head costs the time to fold the log, and nothing else
  }
  return { state: EMPTY_STATE, messages: new KnownMessages() };
}

interface EncodedHead extends Omit<SessionState, "runs"> {
  readonly runs: readonly [string, string, KnownRun["phase"]][];
  readonly messages: string;
}

/** Only `encodeHead` writes heads, so that the version says what is in them. */
function isHead(head: unknown): head is EncodedHead {
  return typeof head === "object" && head !== null && "version" in head && head.version === VERSION;
}
