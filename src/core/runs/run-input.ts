import type { Caller } from "../../ports/authorizer.ts";
import { JsonObjectScanner } from "../../stream/json/json-scan.ts";
import { scanInParts } from "../../stream/json/json-parts.ts";
import {
  elementsInParts,
  type JsonKind,
  type JsonMember,
  kindAt,
} from "../../stream/json/json-walk.ts";
import { inTurns } from "../../stream/sync/steps.ts";
import { spliceBytes, spliceInSteps, type Splice } from "../../stream/json/splice.ts";
import { putOnOneLine } from "../../stream/json/one-line.ts";
import {
  expectKind,
  invalid,
  type Members,
  membersOf,
  type MemberValue,
  presentMember,
  roleOf,
  setMembers,
  textOf,
} from "./body-members.ts";
import { keptInput, type KeptInput } from "./kept-input.ts";

/** A run's request body, read and completed. */
export interface RunInput {
  readonly threadId: string;
  readonly runId: string;
  /** The body for the runner: the bytes as received, with ids and sender spliced in. */
  readonly body: Uint8Array<ArrayBuffer>[];
  readonly messages: readonly InputMessage[];
  /** What else of it is stored. */
  readonly kept: KeptInput;
}

/** A message of the body, with its id and its sender. */
export interface InputMessage {
  readonly id: string;
  /** "" for one that has none. */
  readonly role: string;
  /** Whether clients are asked to hide it. */
  readonly hidden: boolean;
  /** Its JSON as it was posted. */
  readonly posted: Uint8Array;
  /** One line of JSON without its LF, in pieces. */
  readonly json: readonly Uint8Array<ArrayBuffer>[];
}

export interface RunInputOptions {
  /** Thread of a run that names none. */
  readonly defaultThreadId: string;
  readonly caller: Pick<Caller, "userId" | "userName">;
  /** Makes missing ids: UUIDv4. */
  readonly newId: () => string;
}

/**
 * Longest id in bytes: what is read of an event's ids (`MAX_CAPTURE_BYTES`), and kept in the
 * checkpoint.
 */
const MAX_ID_BYTES = 256;

/** Bytes of messages that are read in one turn of the event loop: some 10 ms. */
const TURN_BYTES = 256 * 1024;

/** Messages or tools that are read in one turn: what is read of each costs more than its bytes. */
const TURN_ITEMS = 256;

/** Most messages or tools: each takes a KiB while it is read, however short it is. */
const MAX_ITEMS = 65_536;

const encoder = new TextEncoder();
const KINDS: Readonly<Record<string, JsonKind>> = {
  threadId: "string",
  thread_id: "string",
  runId: "string",
  run_id: "string",
  parentRunId: "string",
  parent_run_id: "string",
  messages: "array",
  state: "object",
  forwardedProps: "object",
  forwarded_props: "object",
  tools: "array",
};

/**
 * Reads the body of a run and completes it: `threadId` and `runId` when missing or empty, an id for
 * each message without one, the sender of user messages. Everything else stays byte for byte - the
 * additions are spliced into the received bytes. Takes a large body in several turns of the event
 * loop. Throws `invalid-input` with what is wrong.
 */
export function readRunInput(
  bytes: Uint8Array<ArrayBuffer>,
  options: RunInputOptions,
): Promise<RunInput> {
  return inTurns(inputSteps(bytes, options));
}

/** Yields where another task may have a turn. */
function* inputSteps(
  bytes: Uint8Array<ArrayBuffer>,
  options: RunInputOptions,
): Generator<void, RunInput, undefined> {
  const scanner = new JsonObjectScanner([]);
  if (!(yield* scanInParts(scanner, bytes))) throw invalid("the body is not a JSON object");
  const top = yield* membersOf(bytes, bytes.indexOf(0x7b), "");
  for (const [key, kind] of Object.entries(KINDS)) expectKind(bytes, top.get(key), key, kind);
  const list = top.get("messages");
  if (!list || kindAt(bytes, list.valueStart) !== "array") throw invalid("messages is missing");
  yield* countItems(bytes, list, "messages");
  yield* checkTools(bytes, top.get("tools"));

  const threadId = idIn(bytes, top, "threadId", "thread_id") || options.defaultThreadId;
  const runId = idIn(bytes, top, "runId", "run_id") || options.newId();
  for (const [key, id] of Object.entries({ threadId, runId }))
    if (encoder.encode(id).length > MAX_ID_BYTES)
      throw invalid(`${key} has more than ${MAX_ID_BYTES} bytes`);
  const ids = {
    threadId,
    runId,
    // runners read either spelling, so both have the same value
    ...(top.has("thread_id") && { thread_id: threadId }),
    ...(top.has("run_id") && { run_id: runId }),
  };
  const splices = setMembers(bytes, bytes.indexOf(0x7b), top, ids);
  const messages: InputMessage[] = [];
  let index = 0;
  let turnStart = list.valueStart;
  for (const element of elementsInParts(bytes, list.valueStart)) {
    if (!element) {
      yield;
      continue;
    }
    const { start, end } = element;
    if (start - turnStart > TURN_BYTES || (index > 0 && index % TURN_ITEMS === 0)) {
      turnStart = start;
      yield;
    }
    const name = `messages[${index++}]`;
    const { splices: own, ...message } = yield* readMessage(bytes, start, name, options);
    splices.push(...own);
    const json: Uint8Array<ArrayBuffer>[] = [];
    for (const piece of spliceBytes(bytes, own, { start, end })) yield* putOnOneLine(piece, json);
    messages.push({ ...message, posted: bytes.subarray(start, end), json });
  }
  const kept = yield* keptInput(bytes, (...names) => presentMember(bytes, firstOf(top, names)));
  return { threadId, runId, body: yield* spliceInSteps(bytes, splices), messages, kept };
}

/**
 * The number of items of a list in the body, 0 if it is no list. Throws `invalid-input` for more
 * than a run may have, since reading those takes many times the memory of the body. Yields where
 * another task may have a turn.
 */
export function* countItems(
  bytes: Uint8Array,
  { valueStart }: JsonMember,
  name: string,
): Generator<void, number, undefined> {
  if (kindAt(bytes, valueStart) !== "array") return 0;
  let count = 0;
  for (const item of elementsInParts(bytes, valueStart)) {
    if (!item) yield;
    else if (++count > MAX_ITEMS) throw invalid(`${name} has more than ${MAX_ITEMS} items`);
  }
  return count;
}

/** The first member of these names that there is. */
function firstOf(top: Members, names: readonly string[]): JsonMember | undefined {
  return names.map((name) => top.get(name)).find((member) => member !== undefined);
}

/** An id in either spelling; where both are given the first counts. */
function idIn(bytes: Uint8Array, top: Members, name: string, snakeName: string): string {
  return textOf(bytes, top.get(name)) || textOf(bytes, top.get(snakeName));
}

interface Message {
  readonly id: string;
  readonly role: string;
  readonly hidden: boolean;
  readonly splices: readonly Splice[];
}

function* readMessage(
  bytes: Uint8Array<ArrayBuffer>,
  at: number,
  name: string,
  { caller, newId }: RunInputOptions,
): Generator<void, Message, undefined> {
  if (kindAt(bytes, at) !== "object") throw invalid(`${name} must be an object`);
  const own = yield* membersOf(bytes, at, name);
  expectKind(bytes, own.get("id"), `${name}.id`, "string");
  expectKind(bytes, own.get("metadata"), `${name}.metadata`, "object");
  const id = textOf(bytes, own.get("id")) || newId();
  const metadata = presentMember(bytes, own.get("metadata"));
  const inner: Members = metadata
    ? yield* membersOf(bytes, metadata.valueStart, `${name}.metadata`)
    : new Map();
  const set: Record<string, MemberValue> = { id };
  const splices: Splice[] = [];
  const role = roleOf(bytes, own.get("role"));
  if (caller.userId !== null && role === "user") {
    const sender: Record<string, string> = { senderId: caller.userId };
    if (caller.userName !== null) sender["senderDisplayName"] = caller.userName;
    if (metadata) splices.push(...setMembers(bytes, metadata.valueStart, inner, sender));
    else set["metadata"] = sender;
  }
  splices.push(...setMembers(bytes, at, own, set));
  const flag = inner.get("hidden");
  const hidden = flag !== undefined && bytes[flag.valueStart] === 0x74; // "t" of true
  return { id, role, hidden, splices };
}

/** Yields whenever others should have a turn. */
function* checkTools(
  bytes: Uint8Array,
  tools: JsonMember | undefined,
): Generator<void, void, undefined> {
  const present = presentMember(bytes, tools);
  if (!present) return;
  yield* countItems(bytes, present, "tools");
  let index = 0;
  for (const item of elementsInParts(bytes, present.valueStart)) {
    if (!item) {
      yield;
      continue;
    }
    const { start } = item;
    if (index > 0 && index % TURN_ITEMS === 0) yield;
    const name = `tools[${index++}]`;
    if (kindAt(bytes, start) !== "object") throw invalid(`${name} must be an object`);
    const tool = yield* membersOf(bytes, start, name);
    if (!presentMember(bytes, tool.get("name"))) throw invalid(`${name}.name is missing`);
    expectKind(bytes, tool.get("name"), `${name}.name`, "string");
    expectKind(bytes, tool.get("description"), `${name}.description`, "string");
  }
}
