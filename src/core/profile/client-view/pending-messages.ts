import { eachInSteps, type Steps } from "../../../stream/sync/steps.ts";
import { isObject } from "../../model/json-fields.ts";
import type { Dialect } from "../repair/dialect.ts";
import { ParsedEvent, LONG_BYTES } from "../repair/parsed-event.ts";
import { MAX_EVENT_BYTES } from "../repair/max-event-bytes.ts";
import type { Message } from "../repair/repair-message.ts";
import { messageCharsInSteps } from "./message-chars.ts";
import type { MessageList } from "./message-list.ts";
import { writeMessages } from "../repair/write-messages.ts";

const encoder = new TextEncoder();

/** Most characters of messages in one input; half an event, since escapes make them longer. */
const MAX_INPUT_CHARS = MAX_EVENT_BYTES / 2;
/** Most characters of messages that are pending when the list of all of them has overflowed. */
const MAX_PENDING_CHARS = MAX_EVENT_BYTES;

const SNAPSHOT_START = encoder.encode('{"type":"MESSAGES_SNAPSHOT","messages":');
const CLOSE = encoder.encode("}");

/**
 * A MESSAGES_SNAPSHOT, and events that give activities their content where it has become something
 * else than an object: clients refuse such a snapshot, while a patch may make anything of a
 * content. The messages must not change until it is done.
 */
export function* snapshotOf(messages: readonly Message[]): Steps<ParsedEvent[]> {
  const list = yield* writeMessages(messages, acceptable);
  return [
    yield* ParsedEvent.joined([SNAPSHOT_START, ...list, CLOSE]),
    ...messages.filter(isOdd).map(contentOf),
  ];
}

function isOdd({ role, content }: Message): boolean {
  return role === "activity" && !isObject(content);
}

function acceptable(message: Message): Message {
  return isOdd(message) ? { ...message, content: {} } : message;
}

function contentOf({ id: messageId, activityType, content: value }: Message): ParsedEvent {
  const patch = [{ op: "replace", path: "", value }];
  return ParsedEvent.of({ type: "ACTIVITY_DELTA", messageId, activityType, patch });
}

/** The ids that several of the messages have. */
function* copiedIds(messages: readonly Message[]): Steps<ReadonlySet<string>> {
  const seen = new Set<string>();
  const copied = new Set<string>();
  yield* eachInSteps(messages, ({ id }) => {
    if (seen.size === seen.add(id).size) copied.add(id);
  });
  return copied;
}

/**
 * Messages the client has not received yet. New ones are delivered with the next RUN_STARTED,
 * changed ones with one MESSAGES_SNAPSHOT, as late as possible. A snapshot in a log belongs to one
 * run; sent as it is it would drop every other message, so a snapshot of all messages is sent in
 * place of it.
 */
export class PendingMessages {
  readonly #messages: MessageList;
  readonly #dialect: Dialect;
  /** Messages of snapshots that the client does not have, as they came. */
  readonly #pending = new Map<string, Message>();
  /** Ids whose messages at the client differ from those here, so that no event may change them. */
  readonly #apart = new Set<string>();
  /** Those of removed messages, whether others of their ids have been added or not. */
  readonly #gone = new Set<string>();
  #pendingChars = 0;
  #leftOut = 0;
  #isStale = false;
  #isRearranged = false;
  #needsSnapshot = false;
  /** Whether the client has several messages of one id, which a snapshot would make the same. */
  #hasCopies = false;

  constructor(messages: MessageList, dialect: Dialect) {
    this.#messages = messages;
    this.#dialect = dialect;
  }

  /** Whether the client lacks messages or changes of them. */
  get isBehind(): boolean {
    return this.#isStale || this.#pending.size > 0;
  }

  /** Whether sending what the client lacks has to be done in steps. */
  get isLong(): boolean {
    return this.#messages.isLong || this.#pendingChars > LONG_BYTES;
  }

  /** Whether the client has other tool calls, or has them in other messages. */
  get isRearranged(): boolean {
    return this.#isRearranged;
  }

  /** Whether the client lacks a message that only a snapshot can deliver, before any newer one. */
  get needsSnapshot(): boolean {
    return this.#needsSnapshot;
  }

  /** Whether a message has to be sent before one that is new, or before it is changed itself. */
  isMissing(id: string, isNew: boolean): boolean {
    if ((isNew && this.#needsSnapshot) || this.#apart.has(id)) return true;
    return this.#pending.size > 0 && (isNew || this.#pending.has(id));
  }

  /** Messages have changed in a way that the client was not sent. */
  setStale(isRearranged: boolean): void {
    this.#isStale = true;
    this.#isRearranged ||= isRearranged;
  }

  /** There is a new message that no event can deliver. */
  setUnsendable(): void {
    this.#needsSnapshot = true;
  }

  /**
   * Merges the messages of a MESSAGES_SNAPSHOT. It may be one of the run's own (`isOwn`). With
   * `hasOwn` the client counts as having those that are only changed, in a version of its own.
   */
  *merge(
    messages: readonly Message[],
    { isOwn, hasOwn = false }: { readonly isOwn: boolean; readonly hasOwn?: boolean },
  ): Steps {
    const merged = yield* this.#messages.mergeInSteps(messages, { isOwn });
    if (merged.isChanged && !hasOwn) this.setStale(merged.isRearranged);
    yield* eachInSteps(merged.removed, (message) => this.#takeBack(message));
    const copied = yield* copiedIds(merged.added);
    for (const message of merged.added) {
      const isApart = copied.has(message.id) || this.#gone.has(message.id);
      if (isApart && !this.#messages.isOverflowed) this.#keepApart(message.id);
      else yield* this.#wait(message);
      yield;
    }
  }

  /**
   * Whether these messages have to wait for a snapshot, which is sent before them or contains them.
   */
  cannotSend(messages: readonly Message[]): boolean {
    if (this.#messages.isOverflowed) return false;
    for (const { id } of messages) if (this.#gone.has(id)) this.#keepApart(id);
    return this.#needsSnapshot;
  }

  /** New messages that a snapshot has to send. */
  *hold(messages: readonly Message[]): Steps {
    for (const message of messages) if (!this.#apart.has(message.id)) yield* this.#wait(message);
  }

  /**
   * A snapshot of all messages, if the client lacks any and they were not released, and the events
   * that deliver what has no place in a snapshot.
   */
  *takeSnapshot(): Steps<ParsedEvent[]> {
    if (this.#messages.isOverflowed || !this.isBehind) return [];
    const { messages } = this.#messages;
    yield;
    const lines = yield* snapshotOf(messages);
    yield;
    if (lines.some(({ bytes }) => bytes.length > MAX_EVENT_BYTES)) {
      this.#messages.lose();
      return [];
    }
    const before = yield* this.#prepared();
    this.clear();
    return [...before, ...lines];
  }

  /** The messages that the client does not have, in parts that fit into an input each. */
  *takePending(): Steps<Message[][]> {
    let part: Message[] = [];
    const parts = [part];
    let chars = 0;
    for (const message of this.#pending.values()) {
      const own = yield* messageCharsInSteps(message);
      if (chars > 0 && chars + own > MAX_INPUT_CHARS) {
        part = [];
        parts.push(part);
        chars = 0;
      }
      part.push(message);
      chars += own;
      yield;
    }
    this.#pending.clear();
    this.#pendingChars = 0;
    return parts;
  }

  /** How many pending messages were left out for lack of room, since the last call. */
  takeLeftOut(): number {
    const leftOut = this.#leftOut;
    this.#leftOut = 0;
    return leftOut;
  }

  /** The client has all messages as they are. */
  clear(): void {
    this.#hasCopies = this.#messages.hasCopies;
    this.#apart.clear();
    this.#gone.clear();
    this.#isStale = false;
    this.#isRearranged = false;
    this.#needsSnapshot = false;
    this.#pending.clear();
    this.#pendingChars = 0;
  }

  /** A message was removed that the client may have. */
  #takeBack({ id, role }: Message): void {
    if (this.#pending.delete(id)) return;
    this.#apart.add(id);
    this.#gone.add(id);
    // results beside results change no place
    this.setStale(role !== "tool");
  }

  /** There are several messages of one id, which only a snapshot can deliver. */
  #keepApart(id: string): void {
    this.#apart.add(id);
    this.setStale(true);
    this.setUnsendable();
  }

  /**
   * Events that a client has to be sent before a snapshot, so that it takes the snapshot as it
   * stands.
   */
  *#prepared(): Steps<ParsedEvent[]> {
    const { messages } = this.#messages;
    // of several messages of one id at the client the snapshot would make one
    if (this.#hasCopies && this.#messages.hasCopies) return yield* this.#only([], messages);
    // a message that was removed and added again would stay in its old place
    if (![...this.#gone].some((id) => this.#messages.has(id))) return [];
    const kept = messages.filter(({ id }) => !this.#apart.has(id) && !this.#pending.has(id));
    return yield* this.#only(kept, messages);
  }

  /**
   * Snapshots that leave a client with these messages alone. Clients keep reasoning and activities,
   * so such messages are replaced by others first; clients before 1.0 keep activities even then.
   */
  *#only(kept: readonly Message[], messages: readonly Message[]): Steps<ParsedEvent[]> {
    const isActive = messages.some(({ role }) => role === "activity");
    if (isActive && this.#dialect === "0.0") return [];
    const ids = new Set(kept.map(({ id }) => id));
    const others = [...messages.map(({ id }) => id), ...this.#gone].filter((id) => !ids.has(id));
    const plain = others.map((id): Message => ({ id, role: "assistant", content: "" }));
    return [...(yield* snapshotOf([...kept, ...plain])), ...(yield* snapshotOf(kept))];
  }

  *#wait(message: Message): Steps {
    const chars = yield* messageCharsInSteps(message);
    if (this.#messages.isOverflowed && this.#pendingChars + chars > MAX_PENDING_CHARS) {
      this.#leftOut++;
      return;
    }
    this.#pendingChars += chars;
    this.#pending.set(message.id, message);
    if (message.toolCalls) this.#isRearranged = true;
  }
}
