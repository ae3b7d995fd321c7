import { isSameJson } from "../exact-json.ts";
import { hashText } from "../known-messages.ts";
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

/** A message in its place in the list. What it is may be changed, and is then to be told by `grew`. */
export interface Entry {
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
 * The messages of a session as its events make them (`applyToMessages`), with the rules of AG-UI's
 * clients - but for snapshots, which are those of one run here and so drop nothing: what they hold
 * replaces what was there or comes behind it.
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

  /** The message's place; undefined if there is none of this id. */
  entryOf(id: string): Entry | undefined {
    return this.#byId.get(id);
  }

  hasCall(toolCallId: string): boolean {
    return this.callOf(toolCallId) !== undefined;
  }

  /** Whether more than one message has a tool call of this id. */
  isDoubled(toolCallId: string): boolean {
    return this.#doubled.has(toolCallId);
  }

  /** The name of a tool call, or null if there is none of this id. */
  callName(toolCallId: string): string | null {
    return this.callOf(toolCallId)?.call.function.name ?? null;
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

  /** Keeps some of the messages; events no longer find the others. */
  retain(isKept: (message: Message) => boolean): void {
    const kept = this.#entries.filter(({ message }) => isKept(message));
    if (kept.length === this.#entries.length) return;
    this.#entries = [];
    this.#byId.clear();
    this.#calls.clear();
    this.#doubled.clear();
    this.#chars = 0;
    for (const entry of kept) {
      this.#entries.push(entry);
      this.#byId.set(entry.message.id, entry);
      this.#chars += entry.chars;
      this.#learnCalls(entry);
    }
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
        this.push(structuredClone(message));
      } else if (entry && isReplacing && !isSameJson(entry.message, message)) {
        isChanged = true;
        isRearranged ||= placesOf(entry.message) !== placesOf(message);
        this.replace(entry, structuredClone(message));
      }
    }
    this.settle();
    return { isChanged, isRearranged, added };
  }

  /** Takes room for what has come, or lets the messages go. To be called behind every change. */
  settle(): void {
    if (this.#chars > this.#options.limitChars) this.lose();
    else if (this.#chars > this.#taken) {
      const bytes = Math.ceil((this.#chars - this.#taken) / STEP_BYTES) * STEP_BYTES;
      if (this.#options.room.tryGrow(bytes)) this.#taken += bytes;
      else this.lose();
    }
  }

  /** Puts a message at the end, or at `at`. */
  push(message: Message, at: number = this.#entries.length): Entry {
    const entry: Entry = { message, chars: 0 };
    if (this.#ids.size < MAX_IDS) this.#ids.add(hashText(message.id));
    if (this.#lost) return entry;
    this.#entries.splice(at, 0, entry);
    this.#byId.set(message.id, entry);
    this.#learn(entry);
    return entry;
  }

  /** Puts a tool's result behind the message that owns the call and the results it has already. */
  pushResult(message: Message): void {
    const owner = this.callOf(message.toolCallId ?? "")?.entry;
    let at = owner ? this.#entries.indexOf(owner) + 1 : this.#entries.length;
    while (this.#entries[at]?.message.role === "tool") at++;
    this.push(message, at);
  }

  /** Adds a tool call of a new id to a message. */
  addCall(entry: Entry, call: ToolCall): void {
    (entry.message.toolCalls ??= []).push(call);
    this.#calls.set(call.id, { entry, call });
    this.grew(entry, JSON.stringify(call).length);
  }

  /** Makes a message another one. */
  replace(entry: Entry, message: Message): void {
    for (const { id } of entry.message.toolCalls ?? [])
      if (this.#calls.get(id)?.entry === entry) this.#calls.delete(id);
    this.#chars -= entry.chars;
    entry.chars = 0;
    entry.message = message;
    this.#learn(entry);
  }

  /** Counts what was added to a message, in characters of JSON. */
  grew(entry: Entry, chars: number): void {
    entry.chars += chars;
    this.#chars += chars;
  }

  /** The tool call of this id; of several that which clients take. */
  callOf(id: string): OwnedCall | undefined {
    if (!this.#doubled.has(id)) return this.#calls.get(id);
    for (const entry of this.#entries) {
      const call = entry.message.toolCalls?.find((other) => other.id === id);
      if (call) return { entry, call };
    }
    return undefined;
  }

  #learn(entry: Entry): void {
    this.#learnCalls(entry);
    this.grew(entry, JSON.stringify(entry.message).length);
  }

  #learnCalls(entry: Entry): void {
    for (const call of entry.message.toolCalls ?? []) {
      const known = this.#calls.get(call.id);
      if (!known) this.#calls.set(call.id, { entry, call });
      else if (known.entry !== entry) this.#doubled.add(call.id);
    }
  }
}

/** What later events look for in a message. */
function placesOf({ role, toolCalls = [] }: Message): string {
  return JSON.stringify([role, toolCalls.map(({ id }) => id)]);
}
