import { scanInParts } from "../../stream/json/json-parts.ts";
import { JsonObjectScanner } from "../../stream/json/json-scan.ts";
import { type JsonMember, type JsonRange, membersInParts } from "../../stream/json/json-walk.ts";
import { inTurns } from "../../stream/sync/steps.ts";
import { countItems } from "../runs/run-input.ts";
import type { Dialect } from "./repair/dialect.ts";
import type { Message } from "./repair/repair-message.ts";
import { readMessages } from "./repair/read-messages.ts";

/** The parts of a client's posted body that its stream depends on. */
export interface PostedInput {
  readonly protocolVersion: string | null;
  readonly runId: string | null;
  readonly threadId: string | null;
  /** How many messages the client has. */
  readonly messageCount: number;
  /** Where they are in the body; null if there are none. */
  readonly messages: JsonRange | null;
}

/** The members that are captured, in both of their spellings. */
const NAMES = [
  "protocolVersion",
  "protocol_version",
  "runId",
  "run_id",
  "threadId",
  "thread_id",
] as const;

/** Most values in the messages that are parsed: each takes some 64 bytes, however short it is. */
const MAX_VALUES = 262_144;

/** Most values in one message, which is parsed at once: some 20 ms. */
const MAX_MESSAGE_VALUES = 32_768;

/**
 * Reads a body without parsing it; a member of another type counts as missing. Null for a body that
 * is no JSON object; throws `invalid-input` for more messages than a run may have. Takes several
 * turns of the event loop for a large body.
 */
export function readPostedInput(bytes: Uint8Array): Promise<PostedInput | null> {
  return inTurns(inputSteps(bytes));
}

/**
 * The messages that the client has, in the form in which they are compared; null if they have too
 * many values to be parsed. Takes several turns of the event loop for many.
 */
export function knownMessages(
  bytes: Uint8Array,
  { messages }: PostedInput,
  dialect: Dialect,
): Promise<readonly Message[] | null> {
  if (!messages) return Promise.resolve([]);
  const limits = { maxValues: MAX_VALUES, maxMessageValues: MAX_MESSAGE_VALUES };
  return inTurns(readMessages(bytes, messages.start, { dialect, limits }));
}

function* inputSteps(bytes: Uint8Array): Generator<void, PostedInput | null, undefined> {
  const scanner = new JsonObjectScanner(NAMES);
  if (!(yield* scanInParts(scanner, bytes))) return null;
  let list: JsonMember | null = null;
  for (const member of membersInParts(bytes, 0)) {
    if (!member) yield;
    // of a name that is given twice the last counts, as for any parser
    else if (member.key === "messages") list = member;
  }
  const messageCount = list ? yield* countItems(bytes, list, "messages") : 0;
  return {
    protocolVersion: scanner.value("protocolVersion") ?? scanner.value("protocol_version"),
    runId: scanner.value("runId") || scanner.value("run_id") || null,
    threadId: scanner.value("threadId") || scanner.value("thread_id") || null,
    messageCount,
    messages: list && messageCount > 0 ? { start: list.valueStart, end: list.valueEnd } : null,
  };
}
