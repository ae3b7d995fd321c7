import { atOnce, eachInSteps, type Steps } from "../../../stream/sync/steps.ts";
import { isSameJson } from "../../model/exact-json.ts";
import { hashText } from "../../model/posted-message-ids.ts";
import { LONG_BYTES } from "../repair/parsed-event.ts";
import { copyMessage, type Message, type ToolCall } from "../repair/repair-message.ts";
import { EntriesByRole } from "./entries-by-role.ts";
import { messageChars } from "./message-chars.ts";
import { Entry, MessageOrder } from "./message-order.ts";
import { type OwnedCall, OwnedCalls } from "./owned-calls.ts";

/** Bytes of the process that messages may take up; see `ByteLease`. */
interface MessageRoom {
  /** Takes more; false when there is no room. */
  tryGrow(bytes: number): boolean;
}

export interface MessageListOptions {
  /** Most characters of JSON that the messages may have. */
  readonly limitChars: number;
  readonly room: MessageRoom;
}

/** The changes that a snapshot made. */
export interface MergeResult {
  /** Whether a known message has changed. */
  readonly isChanged: boolean;
  /**
   * Whether a known message has other tool calls, or a role that matters to it, so that later events
   * change other messages.
   */
  readonly isRearranged: boolean;
  /** Messages that are new. */
  readonly added: readonly Message[];
  /** Messages that were removed, because the snapshot has them under other ids. */
  readonly removed: readonly Message[];
}

/** Room is taken in steps of so many bytes, so that not every delta asks. */
const STEP_BYTES = 64 * 1024;
/** Most messages of one id that are kept; clients have no bound, but no use for more. */
const MAX_COPIES = 64;
/** Ids that are remembered beyond the messages themselves, as hashes. */
const MAX_IDS = 65_536;

/**
 * The messages of a session as its events make them (`applyToMessages`), by the rules of AG-UI's
 * clients. A snapshot counts for its run only (decision 018): the messages that it has replace
 * known ones or are added, and the messages that it leaves out stay, unless the run itself made one
 * and the snapshot has something new of its role: then that is the same message under another id.
 *
 * Where a snapshot has several new messages of one id all of them are kept, as clients do; events
 * and `find` take the first, and a later snapshot makes all of them its last of that id.
 *
 * The messages themselves are kept. When they exceed the limit, or the process has no room for
 * them, they are released: the list has overflowed from then on, and knows ids only.
 */
export class MessageList {
  readonly #options: MessageListOptions;
  readonly #order = new MessageOrder();
  readonly #calls = new OwnedCalls(this.#order);
  readonly #byId = new Map<string, Entry>();
  /** Further messages of ids that more than one has, in their order. */
  readonly #copies = new Map<string, Set<Entry>>();
  /** Messages made since `beginRun`. */
  readonly #ofRun = new EntriesByRole();
  readonly #ids = new Set<number>();
  #chars = 0;
  #activities = 0;
  #taken = 0;
  #lost = false;
  #isOutOfRoom = false;

  constructor(options: MessageListOptions) {
    this.#options = options;
  }

  /** Whether the messages were released. */
  get isOverflowed(): boolean {
    return this.#lost;
  }

  get messages(): readonly Message[] {
    return Array.from(this.#order, ({ message }) => message);
  }

  /** Those that the latest run has not made. */
  get messagesBeforeRun(): readonly Message[] {
    return this.entries.filter((entry) => !this.#ofRun.has(entry)).map(({ message }) => message);
  }

  /** The messages in their places. */
  get entries(): readonly Entry[] {
    return Array.from(this.#order);
  }

  /** Whether work over all messages has to be done in steps. */
  get isLong(): boolean {
    return this.#chars > LONG_BYTES;
  }

  /** Characters of the messages' JSON, about. */
  get chars(): number {
    return this.#chars;
  }

  /**
   * Whether there is a message with this id. After the messages were released: whether there was
   * one; true for any id after too many.
   */
  has(id: string): boolean {
    if (!this.#lost) return this.#byId.has(id);
    return this.#ids.has(hashText(id)) || this.#ids.size >= MAX_IDS;
  }

  find(id: string): Message | null {
    return this.#byId.get(id)?.message ?? null;
  }

  /** Whether any message is an activity. */
  get hasActivities(): boolean {
    return this.#activities > 0;
  }

  /** Whether several messages have one id. */
  get hasCopies(): boolean {
    return this.#copies.size > 0;
  }

  /** The ids that several messages have. */
  get copiedIds(): Iterable<string> {
    return this.#copies.keys();
  }

  /** How often a message has become one of another role. */
  get roleChanges(): number {
    return this.#order.roleChanges;
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
    return this.#calls.isDoubled(toolCallId);
  }

  /** The name of a tool call, or null if there is none of this id. */
  callName(toolCallId: string): string | null {
    return this.callOf(toolCallId)?.call.function.name ?? null;
  }

  /** The tool call of this id; of several the one that clients take. */
  callOf(id: string): OwnedCall | undefined {
    return this.#calls.find(id);
  }

  /** Releases the messages. */
  lose(): void {
    this.#release();
    this.#lost = true;
  }

  #release(): void {
    this.#order.clear();
    this.#calls.clear();
    this.#byId.clear();
    this.#copies.clear();
    this.#ofRun.clear();
    this.#chars = 0;
    this.#activities = 0;
  }

  /** Follows messages again from here on; those before are unknown. */
  restart(): void {
    this.#release();
    this.#ids.clear();
    this.#lost = false;
  }

  /** Keeps some of the messages; events no longer find the others. */
  retain(isKept: (entry: Entry) => boolean): void {
    for (const entry of this.#order) if (!isKept(entry)) this.#remove(entry);
  }

  /** Hashes of ids, by which messages that were released are known again, in a fixed order. */
  get ids(): readonly number[] {
    return [...this.#ids];
  }

  /** Whether messages were released because the process had no room for them. */
  get isOutOfRoom(): boolean {
    return this.#isOutOfRoom;
  }

  /** Adds a message that another list has had, with the characters that were counted there. */
  restore({ message, chars }: Pick<Entry, "message" | "chars">): void {
    this.#learn(this.#order.append(message), chars);
  }

  /** Becomes, while empty, as a list that has released its messages, of which these ids are known. */
  restoreReleased(ids: readonly number[]): void {
    this.lose();
    for (const id of ids) this.#ids.add(id);
  }

  /** A run begins: messages made from here on are its own. */
  beginRun(): void {
    this.#ofRun.clear();
  }

  /** Adds those of the messages that are new. */
  *addInSteps(messages: readonly Message[]): Steps<readonly Message[]> {
    const added: Message[] = [];
    yield* eachInSteps(messages, (message) => {
      if (this.has(message.id)) return;
      this.#append(copyMessage(message));
      added.push(message);
    });
    this.settle();
    return added;
  }

  /** Merges the messages of a snapshot; `isOwn` is whether it is one of the run's own. */
  merge(messages: readonly Message[], options?: { readonly isOwn?: boolean }): MergeResult {
    return atOnce(this.mergeInSteps(messages, options));
  }

  /** As `merge`, for many messages. */
  *mergeInSteps(
    messages: readonly Message[],
    { isOwn = false }: { readonly isOwn?: boolean } = {},
  ): Steps<MergeResult> {
    const latest = new Map<string, Message>();
    const added: Message[] = [];
    const isWithinBound = createCopyBound();
    yield* eachInSteps(messages, (message) => {
      latest.set(message.id, message);
      if (!this.has(message.id) && isWithinBound(message)) added.push(message);
    });
    const removed = isOwn ? yield* this.#removeReplaced(latest, added) : [];
    let isChanged = false;
    let isRearranged = false;
    for (const message of latest.values()) {
      for (const entry of this.#entriesOf(message.id)) {
        if (isSameJson(entry.message, message)) continue;
        isChanged = true;
        isRearranged ||= placesOf(entry.message) !== placesOf(message);
        this.replace(entry, copyMessage(message));
      }
      yield;
    }
    // the list changes its messages as deltas come; the returned ones must not change
    yield* eachInSteps(added, (message) => {
      const entry = this.#append(copyMessage(message));
      if (isOwn && !this.#lost) this.#ofRun.add(entry);
    });
    this.settle();
    return { isChanged, isRearranged, added, removed };
  }

  /** Takes room for what was added, or releases the messages. To be called after every change. */
  settle(): void {
    if (this.#chars > this.#options.limitChars) this.lose();
    else if (this.#chars > this.#taken) {
      const bytes = Math.ceil((this.#chars - this.#taken) / STEP_BYTES) * STEP_BYTES;
      if (this.#options.room.tryGrow(bytes)) this.#taken += bytes;
      else {
        this.#isOutOfRoom = true;
        this.lose();
      }
    }
  }

  /** Adds a message of the run at the end. */
  push(message: Message): Entry {
    const entry = this.#append(message);
    if (!this.#lost) this.#ofRun.add(entry);
    return entry;
  }

  /** Adds a tool's result after the message that has the call and the results that follow it. */
  pushResult(message: Message): void {
    const owner = this.callOf(message.toolCallId ?? "")?.entry;
    if (owner) this.#ofRun.add(this.#learn(this.#order.insertResult(message, owner)));
    else this.push(message);
  }

  /** Adds a tool call of a new id to a message. */
  addCall(entry: Entry, call: ToolCall): void {
    (entry.message.toolCalls ??= []).push(call);
    this.#calls.add(entry, call);
    this.grew(entry, JSON.stringify(call).length);
  }

  /** Replaces a message. */
  replace(entry: Entry, message: Message): void {
    const before = entry.message;
    entry.message = message;
    this.#activities += activities(message) - activities(before);
    if (before.role !== message.role) {
      this.#order.changedRole(entry, before.role);
      this.#ofRun.changedRole(entry, before.role);
    }
    this.#calls.learn(entry, before.toolCalls);
    this.grew(entry, messageChars(message) - entry.chars);
  }

  /** Counts a change of a message, and the characters of JSON that it added. */
  grew(entry: Entry, chars: number): void {
    entry.changes++;
    entry.chars += chars;
    this.#chars += chars;
  }

  #entriesOf(id: string): Entry[] {
    const first = this.#byId.get(id);
    return first ? [first, ...(this.#copies.get(id) ?? [])] : [];
  }

  /** Removes messages that the run has made and its snapshot has under other ids. */
  *#removeReplaced(
    held: ReadonlyMap<string, Message>,
    added: readonly Message[],
  ): Steps<Message[]> {
    const roles = new Set(added.map(({ role }) => role));
    const replaced: Message[] = [];
    // of each role only those are left that the snapshot has
    for (const role of roles)
      yield* eachInSteps(this.#ofRun.of(role), (entry) => {
        const { message } = entry;
        if (held.has(message.id)) return;
        this.#remove(entry);
        replaced.push(message);
      });
    return replaced;
  }

  #remove(entry: Entry): void {
    const { id } = entry.message;
    this.#order.remove(entry);
    this.#calls.forget(entry);
    this.#ofRun.delete(entry);
    this.#activities -= activities(entry.message);
    this.grew(entry, -entry.chars);
    const copies = this.#copies.get(id);
    if (this.#byId.get(id) !== entry) copies?.delete(entry);
    else {
      const [first] = copies ?? [];
      if (first) {
        this.#byId.set(id, first);
        copies?.delete(first);
      } else {
        this.#byId.delete(id);
        this.#ids.delete(hashText(id));
      }
    }
    if (copies?.size === 0) this.#copies.delete(id);
  }

  #append(message: Message): Entry {
    if (!this.#lost) return this.#learn(this.#order.append(message));
    this.#remember(message.id);
    return new Entry(message, null, null, 0);
  }

  #remember(id: string): void {
    if (this.#ids.size < MAX_IDS) this.#ids.add(hashText(id));
  }

  #learn(entry: Entry, chars: number = messageChars(entry.message)): Entry {
    const { id } = entry.message;
    this.#remember(id);
    if (!this.#byId.has(id)) this.#byId.set(id, entry);
    else {
      const copies = this.#copies.get(id) ?? new Set<Entry>();
      this.#copies.set(id, copies.add(entry));
    }
    this.#calls.learn(entry);
    this.#activities += activities(entry.message);
    this.grew(entry, chars);
    return entry;
  }
}

/** Roles by which later events find their place; of any other role it is the same which one it is. */
const PLACING: ReadonlySet<string> = new Set(["assistant", "tool", "activity"]);

/** The parts of a message by which later events find their place. */
function placesOf({ role, toolCalls = [] }: Message): string {
  return JSON.stringify([PLACING.has(role) ? role : "", toolCalls.map(({ id }) => id)]);
}

function activities({ role }: Message): number {
  return role === "activity" ? 1 : 0;
}

/** Returns a function that is true for a message as long as there are not too many of its id. */
function createCopyBound(): (message: Message) => boolean {
  const counts = new Map<string, number>();
  return ({ id }) => {
    const count = (counts.get(id) ?? 0) + 1;
    counts.set(id, count);
    return count <= MAX_COPIES;
  };
}
