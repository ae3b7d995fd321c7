import { isSameJson } from "../model/exact-json.ts";
import { isObject, type JsonObject } from "../model/json-fields.ts";
import type { SeenIds } from "./seen-ids.ts";
import { MAX_SHORT_CHARS } from "./short-strings.ts";

/** Most characters of the messages that are followed. */
const MAX_CHARS = 2 * 1024 * 1024;
const MAX_MESSAGES = 4_096;

/**
 * Roles whose messages a snapshot replaces in every client. At one that has reasoning or activities, clients
 * differ in which of theirs they keep.
 */
const ROLES: ReadonlySet<string> = new Set(["user", "assistant", "system", "developer", "tool"]);

/** Members that an event may have besides its own, all strings: none of them changes a message. */
const COMMON = ["type", "threadId", "runId", "thread_id", "run_id"];

interface StreamedCall {
  readonly id: string;
  readonly type: "function";
  readonly function: { readonly name: string; arguments: string };
}

/** A message in the form in which every client has it. */
interface StreamedMessage {
  readonly id: string;
  readonly role: "assistant" | "tool";
  content?: string;
  toolCalls?: StreamedCall[];
  readonly toolCallId?: string;
}

export interface StreamedSinceOptions {
  /** The ids that the log has named so far. */
  readonly seen: SeenIds;
  /** Whether the snapshot stands outside of a run, where published clients refuse it. */
  readonly isPosted: boolean;
}

/**
 * The messages that every client holds after a MESSAGES_SNAPSHOT and the events since, but for reasoning
 * and activities of earlier runs: the part of the clients' reducers in which their versions, and
 * whoever merges messages by their ids, agree. For anything else `take` returns false.
 *
 * Reasoning is kept by all at a snapshot that has none, but for the oldest clients (0.0.46). So it is passed over
 * after posted messages, which those refuse as events outside of a run, and ends what is known elsewhere.
 *
 * What was streamed has ids that the log has not named before (`SeenIds`): else a reader that keeps what a
 * snapshot leaves out would have streamed it into an older message.
 */
export class StreamedSince {
  /** In the order of the clients; those of the snapshot as they were parsed. */
  readonly #messages: unknown[];
  readonly #texts = new Map<string, StreamedMessage>();
  readonly #calls = new Map<string, { readonly call: StreamedCall; readonly owner: unknown }>();
  readonly #openTexts = new Set<unknown>();
  readonly #openCalls = new Set<unknown>();
  /** Ids of the reasoning that was streamed. */
  readonly #reasoning = new Set<unknown>();
  readonly #seen: SeenIds;
  readonly #isPosted: boolean;
  #chars = 0;

  private constructor(messages: readonly unknown[], { seen, isPosted }: StreamedSinceOptions) {
    this.#messages = [...messages];
    this.#seen = seen;
    this.#isPosted = isPosted;
  }

  /** From the snapshot on that has these messages; null if clients may differ in what they make of it. */
  static from(messages: unknown, options: StreamedSinceOptions): StreamedSince | null {
    if (!Array.isArray(messages) || messages.length > MAX_MESSAGES) return null;
    const ids = new Set<unknown>();
    for (const message of messages as readonly unknown[]) {
      if (!isObject(message)) return null;
      const { id, role } = message;
      if (typeof id !== "string" || id === "" || ids.has(id)) return null;
      if (typeof role !== "string" || !ROLES.has(role)) return null;
      ids.add(id);
    }
    return new StreamedSince(messages, options);
  }

  /** Whether these are messages whose ids are all known: those of an input add nothing then. */
  hasAll(messages: unknown): boolean {
    const ids = new Set(this.#messages.map(idOf));
    const isKnown = (message: unknown): boolean => isObject(message) && ids.has(idOf(message));
    return Array.isArray(messages) && messages.every(isKnown);
  }

  /** Whether a snapshot with these messages would change nothing. */
  isSame(messages: unknown): boolean {
    return isSameJson(messages, this.#messages);
  }

  /**
   * Takes an event of the run, before its ids are added to those that were seen. False if clients may differ in
   * what they make of it; then nothing is known any more.
   */
  take(type: string, event: JsonObject): boolean {
    const isTaken = this.#take(type, event);
    return isTaken && this.#chars <= MAX_CHARS && this.#messages.length <= MAX_MESSAGES;
  }

  #take(type: string, event: JsonObject): boolean {
    switch (type) {
      case "TEXT_MESSAGE_START":
        return hasOnly(event, ["messageId", "role"]) && this.#startText(event);
      case "TEXT_MESSAGE_CONTENT":
        return hasOnly(event, ["messageId", "delta"]) && this.#addText(event);
      case "TEXT_MESSAGE_END":
        return hasOnly(event, ["messageId"]) && this.#openTexts.delete(event["messageId"]);
      case "TOOL_CALL_START":
        return (
          hasOnly(event, ["toolCallId", "toolCallName", "parentMessageId"]) &&
          this.#startCall(event)
        );
      case "TOOL_CALL_ARGS":
        return hasOnly(event, ["toolCallId", "delta"]) && this.#addArguments(event);
      case "TOOL_CALL_END":
        return hasOnly(event, ["toolCallId"]) && this.#openCalls.delete(event["toolCallId"]);
      case "TOOL_CALL_RESULT":
        return (
          hasOnly(event, ["messageId", "toolCallId", "content", "role"]) && this.#result(event)
        );
      case "REASONING_MESSAGE_START":
        return hasOnly(event, ["messageId", "role"]) && this.#startReasoning(event);
      case "REASONING_MESSAGE_CONTENT":
      case "REASONING_MESSAGE_END":
        return this.#reasoning.has(event["messageId"]);
      case "REASONING_START":
      case "REASONING_END":
      case "STATE_SNAPSHOT":
      case "STATE_DELTA":
      case "STEP_STARTED":
      case "STEP_FINISHED":
      case "CUSTOM":
      case "RAW":
        return true;
      default:
        return false;
    }
  }

  #isNew(id: unknown): id is string {
    const isKnowable = typeof id === "string" && id !== "" && id.length <= MAX_SHORT_CHARS;
    return isKnowable && !this.#seen.has(id);
  }

  #startText({ messageId: id, role = "assistant" }: JsonObject): boolean {
    if (!this.#isNew(id) || role !== "assistant") return false;
    const message: StreamedMessage = { id, role, content: "" };
    this.#texts.set(id, message);
    this.#messages.push(message);
    this.#openTexts.add(id);
    return true;
  }

  #addText({ messageId, delta }: JsonObject): boolean {
    const message = this.#texts.get(String(messageId));
    if (!message || !this.#openTexts.has(messageId) || !this.#isText(delta)) return false;
    message.content = (message.content ?? "") + delta;
    return true;
  }

  #startReasoning({ messageId: id }: JsonObject): boolean {
    if (!this.#isPosted || !this.#isNew(id)) return false;
    this.#reasoning.add(id);
    return true;
  }

  #startCall({ toolCallId: id, toolCallName: name, parentMessageId: parent }: JsonObject): boolean {
    if (!this.#isNew(id) || typeof name !== "string") return false;
    const call: StreamedCall = { id, type: "function", function: { name, arguments: "" } };
    const owner = this.#ownerFor(id, parent);
    if (!owner) return false;
    (owner.toolCalls ??= []).push(call);
    this.#calls.set(id, { call, owner });
    this.#openCalls.add(id);
    return true;
  }

  /** The message that a call goes into: the last one if it is its parent, else a new one. */
  #ownerFor(callId: string, parent: unknown): StreamedMessage | null {
    const last = this.#messages.at(-1);
    const known = typeof parent === "string" ? this.#texts.get(parent) : undefined;
    // the oldest clients look at the last message alone, and begin a second one of the same id
    if (known) return known === last ? known : null;
    if (parent !== undefined && !this.#isNew(parent)) return null;
    const id = parent ?? callId;
    const owner: StreamedMessage = { id, role: "assistant", toolCalls: [] };
    this.#texts.set(id, owner);
    this.#messages.push(owner);
    return owner;
  }

  #addArguments({ toolCallId, delta }: JsonObject): boolean {
    const known = this.#calls.get(String(toolCallId));
    if (!known || !this.#openCalls.has(toolCallId) || !this.#isText(delta)) return false;
    known.call.function.arguments += delta;
    return true;
  }

  #result({ messageId: id, toolCallId, content, role = "tool" }: JsonObject): boolean {
    const known = this.#calls.get(String(toolCallId));
    if (!known || !this.#isNew(id) || role !== "tool" || !this.#isText(content)) return false;
    // after the results of the same message; the oldest clients put it at the end
    let at = this.#messages.length - 1;
    while (this.#texts.get(idOf(this.#messages[at]))?.role === "tool") at--;
    if (this.#messages[at] !== known.owner) return false;
    const message: StreamedMessage = { id, role, toolCallId: known.call.id, content };
    this.#texts.set(id, message);
    this.#messages.push(message);
    return true;
  }

  #isText(value: unknown): value is string {
    if (typeof value !== "string") return false;
    this.#chars += value.length;
    return true;
  }
}

/** Whether the event has no members but these and those of every event, which are what they should be. */
export function hasOnly(event: JsonObject, own: readonly string[]): boolean {
  return Object.entries(event).every(([key, value]) => {
    if (key === "timestamp") return Number.isSafeInteger(value);
    return own.includes(key) || (COMMON.includes(key) && typeof value === "string");
  });
}

function idOf(message: unknown): string {
  return isObject(message) ? String(message["id"]) : "";
}
