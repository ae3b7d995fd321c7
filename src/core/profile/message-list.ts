import { isObject, type JsonObject } from "../json-fields.ts";
import { applyJsonPatch, isJsonPatch, isSameJson } from "../json-patch.ts";
import { hashText } from "../known-messages.ts";
import type { EventLine } from "./event-line.ts";
import type { Message, ToolCall } from "./mend-message.ts";

/** Bytes of the process that messages may take up; see `ByteLease`. */
interface MessageRoom {
  /** Takes more; false when there is none. */
  tryGrow(bytes: number): boolean;
}

export interface MessageListOptions {
  /** Most characters of JSON that the messages may have. */
  readonly limitChars: number;
  readonly room: MessageRoom;
}

interface Entry {
  message: Message;
  chars: number;
}

interface OwnedCall {
  readonly entry: Entry;
  readonly call: ToolCall;
}

/** What a snapshot changed. */
export interface MergeResult {
  /** Whether a message that was there has become another one. */
  readonly isChanged: boolean;
  /** Whether one has other tool calls, or another role, so that later events go elsewhere. */
  readonly isRearranged: boolean;
  /** Messages that were not there. */
  readonly added: readonly Message[];
}

/** Growth is asked for in steps, so that not every delta asks. */
const STEP_BYTES = 64 * 1024;
/** Ids that are remembered behind the messages themselves, as hashes. */
const MAX_IDS = 65_536;

/**
 * The messages of a session as its events make them, with the rules of AG-UI's clients - but for
 * snapshots, which are those of one run here and so drop nothing: what they hold replaces what was
 * there or comes behind it.
 *
 * It keeps the messages themselves. When they become more than the limit, or the process has no room
 * for them, they are let go: the list is lost from then on, and knows ids only.
 */
export class MessageList {
  readonly #options: MessageListOptions;
  #entries: Entry[] = [];
  readonly #byId = new Map<string, Entry>();
  readonly #calls = new Map<string, OwnedCall>();
  /** Calls that more than one message has: clients take the first of them. */
  readonly #doubled = new Set<string>();
  readonly #ids = new Set<number>();
  #chars = 0;
  #taken = 0;
  #lost = false;

  constructor(options: MessageListOptions) {
    this.#options = options;
  }

  /** Whether the messages were let go. */
  get isLost(): boolean {
    return this.#lost;
  }

  get messages(): readonly Message[] {
    return this.#entries.map(({ message }) => message);
  }

  /** Characters of JSON that the messages have, about. */
  get chars(): number {
    return this.#chars;
  }

  /** Whether there is, or was, a message with this id; when too many were seen, all are. */
  has(id: string): boolean {
    return this.#byId.has(id) || this.#ids.has(hashText(id)) || this.#ids.size >= MAX_IDS;
  }

  find(id: string): Message | null {
    return this.#byId.get(id)?.message ?? null;
  }

  hasCall(toolCallId: string): boolean {
    return this.#callOf(toolCallId) !== undefined;
  }

  /** Whether more than one message has a tool call of this id. */
  isDoubled(toolCallId: string): boolean {
    return this.#doubled.has(toolCallId);
  }

  /** The name of a tool call, or null if there is none of this id. */
  callName(toolCallId: string): string | null {
    return this.#callOf(toolCallId)?.call.function.name ?? null;
  }

  /** Lets the messages go. */
  lose(): void {
    this.#lost = true;
    this.#entries = [];
    this.#byId.clear();
    this.#calls.clear();
    this.#doubled.clear();
    this.#chars = 0;
  }

  /** Applies an event that is no snapshot of messages. */
  apply(type: string, line: EventLine): void {
    this.#handlers[type]?.(line);
    this.#settle();
  }

  /** Adds those messages that are not there. */
  add(messages: readonly Message[]): readonly Message[] {
    return this.#merge(messages, false).added;
  }

  /** Takes over the messages of a snapshot. */
  merge(messages: readonly Message[]): MergeResult {
    return this.#merge(messages, true);
  }

  #merge(messages: readonly Message[], isReplacing: boolean): MergeResult {
    let isChanged = false;
    let isRearranged = false;
    const added: Message[] = [];
    for (const message of messages) {
      const entry = this.#byId.get(message.id);
      if (!entry && !(this.#lost && this.has(message.id))) {
        added.push(message);
        // the list changes its messages as deltas come; those handed out stay as they were
        this.#push(structuredClone(message));
      } else if (entry && isReplacing && !isSameJson(entry.message, message)) {
        isChanged = true;
        isRearranged ||= placesOf(entry.message) !== placesOf(message);
        this.#replace(entry, structuredClone(message));
      }
    }
    this.#settle();
    return { isChanged, isRearranged, added };
  }

  /** Takes room for what has come, or lets the messages go. */
  #settle(): void {
    if (this.#chars > this.#options.limitChars) this.lose();
    else if (this.#chars > this.#taken) {
      const bytes = Math.ceil((this.#chars - this.#taken) / STEP_BYTES) * STEP_BYTES;
      if (this.#options.room.tryGrow(bytes)) this.#taken += bytes;
      else this.lose();
    }
  }

  readonly #handlers: Readonly<Record<string, (line: EventLine) => void>> = {
    TEXT_MESSAGE_START: (line) => this.#startText(line, line.text("role") ?? "assistant"),
    REASONING_MESSAGE_START: (line) => this.#startText(line, "reasoning"),
    TEXT_MESSAGE_CONTENT: (line) => this.#appendText(line),
    REASONING_MESSAGE_CONTENT: (line) => this.#appendText(line),
    TEXT_MESSAGE_END: (line) => this.#endText(line),
    REASONING_MESSAGE_END: (line) => this.#endText(line),
    TOOL_CALL_START: (line) => this.#startCall(line),
    TOOL_CALL_ARGS: (line) => this.#appendArguments(line),
    TOOL_CALL_END: (line) => this.#endCall(line),
    TOOL_CALL_RESULT: (line) => this.#addResult(line),
    ACTIVITY_SNAPSHOT: (line) => this.#setActivity(line),
    ACTIVITY_DELTA: (line) => this.#patchActivity(line),
    REASONING_ENCRYPTED_VALUE: (line) => this.#setEncrypted(line),
  };

  #startText(line: EventLine, role: string): void {
    const id = line.text("messageId") ?? "";
    const known = this.#byId.get(id);
    if (known?.message.role === "activity") return;
    if (known) return this.#addMetadata(known, known.message, line);
    const name = line.text("name");
    const named = name !== null && role !== "reasoning" ? { name } : {};
    this.#push({ id, role, content: "", ...named, ...tagOf(line), ...metadataOf(line) });
  }

  #appendText(line: EventLine): void {
    const entry = this.#byId.get(line.text("messageId") ?? "");
    if (!entry || entry.message.role === "activity") return;
    const { content } = entry.message;
    const delta = line.text("delta") ?? "";
    entry.message.content = `${typeof content === "string" ? content : ""}${delta}`;
    this.#grow(entry, delta.length);
    this.#addMetadata(entry, entry.message, line);
  }

  #endText(line: EventLine): void {
    const entry = this.#byId.get(line.text("messageId") ?? "");
    if (entry && entry.message.role !== "activity") this.#addMetadata(entry, entry.message, line);
  }

  #startCall(line: EventLine): void {
    const id = line.text("toolCallId") ?? "";
    const name = line.text("toolCallName") ?? "";
    const known = this.#callOf(id);
    if (known) {
      known.call.function.name = name;
      return this.#addMetadata(known.entry, known.call, line);
    }
    const parentId = line.text("parentMessageId");
    const parent = parentId ? this.#byId.get(parentId) : undefined;
    let entry = parent?.message.role === "assistant" ? parent : undefined;
    const ownId = parentId && !parent ? parentId : id;
    entry ??= this.#push({ id: ownId, role: "assistant", toolCalls: [], ...tagOf(line) });
    const call: ToolCall = {
      id,
      type: "function",
      function: { name, arguments: "" },
      ...metadataOf(line),
    };
    (entry.message.toolCalls ??= []).push(call);
    this.#calls.set(id, { entry, call });
    this.#grow(entry, JSON.stringify(call).length);
  }

  #appendArguments(line: EventLine): void {
    const known = this.#callOf(line.text("toolCallId") ?? "");
    if (!known) return;
    const delta = line.text("delta") ?? "";
    known.call.function.arguments += delta;
    this.#grow(known.entry, delta.length);
    this.#addMetadata(known.entry, known.call, line);
  }

  #endCall(line: EventLine): void {
    const known = this.#callOf(line.text("toolCallId") ?? "");
    if (known) this.#addMetadata(known.entry, known.call, line);
  }

  /** Puts a tool's result behind the message that owns the call and the results it has already. */
  #addResult(line: EventLine): void {
    const message = resultOf(line);
    const owner = this.#callOf(message.toolCallId ?? "")?.entry;
    let at = owner ? this.#entries.indexOf(owner) + 1 : this.#entries.length;
    while (this.#entries[at]?.message.role === "tool") at++;
    this.#push(message, at);
  }

  #setActivity(line: EventLine): void {
    const id = line.text("messageId") ?? "";
    const entry = this.#byId.get(id);
    const activityType = line.text("activityType") ?? "";
    const activity: Message = {
      id,
      role: "activity",
      activityType,
      content: line.json("content"),
      ...tagOf(line),
    };
    const known = entry?.message.role === "activity" ? entry.message : null;
    if (!entry) {
      this.#push({ ...activity, ...metadataOf(line) });
    } else {
      const kept = known?.metadata ? { metadata: known.metadata } : {};
      if (line.json("replace") !== false) this.#replace(entry, { ...activity, ...kept });
      this.#addMetadata(entry, entry.message, line);
    }
  }

  #patchActivity(line: EventLine): void {
    const entry = this.#byId.get(line.text("messageId") ?? "");
    if (entry?.message.role !== "activity") return;
    this.#addMetadata(entry, entry.message, line);
    const patch = line.json("patch");
    const content = isJsonPatch(patch) ? applyJsonPatch(entry.message.content, patch) : undefined;
    if (content === undefined) return;
    const activityType = line.text("activityType") ?? "";
    this.#replace(entry, { ...entry.message, content, activityType });
  }

  #setEncrypted(line: EventLine): void {
    const id = line.text("entityId") ?? "";
    const known = line.text("subtype") === "tool-call" ? this.#callOf(id) : undefined;
    const entry = line.text("subtype") === "message" ? this.#byId.get(id) : known?.entry;
    const target = known?.call ?? entry?.message;
    if (!entry || !target || ("role" in target && target.role === "activity")) return;
    target.encryptedValue = line.text("encryptedValue") ?? "";
    this.#grow(entry, target.encryptedValue.length);
  }

  #addMetadata(entry: Entry, target: Message | ToolCall, line: EventLine): void {
    const { metadata } = metadataOf(line);
    if (!metadata) return;
    target.metadata = { ...target.metadata, ...metadata };
    this.#grow(entry, JSON.stringify(metadata).length);
  }

  #push(message: Message, at: number = this.#entries.length): Entry {
    const entry: Entry = { message, chars: 0 };
    if (this.#ids.size < MAX_IDS) this.#ids.add(hashText(message.id));
    if (this.#lost) return entry;
    this.#entries.splice(at, 0, entry);
    this.#byId.set(message.id, entry);
    this.#learn(entry);
    return entry;
  }

  #replace(entry: Entry, message: Message): void {
    for (const { id } of entry.message.toolCalls ?? [])
      if (this.#calls.get(id)?.entry === entry) this.#calls.delete(id);
    this.#chars -= entry.chars;
    entry.chars = 0;
    entry.message = message;
    this.#learn(entry);
  }

  #callOf(id: string): OwnedCall | undefined {
    if (!this.#doubled.has(id)) return this.#calls.get(id);
    for (const entry of this.#entries) {
      const call = entry.message.toolCalls?.find((other) => other.id === id);
      if (call) return { entry, call };
    }
    return undefined;
  }

  #learn(entry: Entry): void {
    for (const call of entry.message.toolCalls ?? []) {
      const known = this.#calls.get(call.id);
      if (!known) this.#calls.set(call.id, { entry, call });
      else if (known.entry !== entry) this.#doubled.add(call.id);
    }
    this.#grow(entry, JSON.stringify(entry.message).length);
  }

  #grow(entry: Entry, chars: number): void {
    entry.chars += chars;
    this.#chars += chars;
  }
}

/** What later events look for in a message. */
function placesOf({ role, toolCalls = [] }: Message): string {
  return JSON.stringify([role, toolCalls.map(({ id }) => id)]);
}

/** The message that a TOOL_CALL_RESULT makes. */
export function resultOf(line: EventLine): Message {
  const id = line.text("messageId") ?? "";
  const toolCallId = line.text("toolCallId") ?? "";
  const content = line.json("content");
  return { id, role: "tool", content, toolCallId, ...tagOf(line), ...metadataOf(line) };
}

function tagOf(line: EventLine): { readonly subagentRunId?: string } {
  const subagentRunId = line.text("subagentRunId");
  return subagentRunId === null ? {} : { subagentRunId };
}

function metadataOf(line: EventLine): { readonly metadata?: JsonObject } {
  const metadata = line.json("metadata");
  return isObject(metadata) ? { metadata } : {};
}
