import { eachInSteps, type Steps } from "../../../stream/sync/steps.ts";
import { isObject } from "../../model/json-fields.ts";
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

/** Roles whose messages a snapshot may leave to the client; see `PendingMessages`. */
const CLIENT_ONLY: ReadonlySet<string> = new Set(["reasoning", "activity"]);

/** A message that nobody has said. */
const NO_THOUGHT: Message = { id: "runlog-reasoning", role: "reasoning", content: "" };

/** What brings a client up to date, in order, and the messages that each snapshot in it has. */
export interface SnapshotEvents {
  readonly lines: readonly ParsedEvent[];
  readonly lists: readonly (readonly Message[])[];
}

const NOTHING: SnapshotEvents = { lines: [], lists: [] };

/** As JSON; see the members of `PendingMessages`. */
export interface SavedPending {
  readonly pending: readonly Message[];
  readonly unsent: readonly string[];
  readonly gone: readonly string[];
  readonly goneRoles: readonly string[];
  readonly chars: number;
  readonly isStale: boolean;
  readonly isRearranged: boolean;
  readonly needsSnapshot: boolean;
  readonly knowsRoles: boolean;
}

/**
 * Messages the client has not received yet. New ones are delivered with the next RUN_STARTED,
 * changed ones with one MESSAGES_SNAPSHOT, as late as possible. A snapshot in a log belongs to one
 * run; sent as it is it would drop every other message, so a snapshot of all messages is sent in
 * place of it.
 *
 * What the client holds follows from the list: its messages in their order, without those that it lacks
 * (`#pending`, `#unsent`: all of an id or none), and between them the ones that it was not told to drop
 * (`#gone`). Of a snapshot it makes the following. A message that it holds stays in
 * its place and becomes the last of its id; one that the snapshot leaves out goes, unless its role is
 * reasoning or activity and the snapshot has none of that role (before 1.0 such a message is not
 * changed either, and before 0.0.58 an activity always stays); and those of unknown ids come last.
 */
export class PendingMessages {
  readonly #messages: MessageList;
  /** Messages of snapshots that the client does not have, as they came. */
  readonly #pending = new Map<string, Message>();
  /** Ids of other messages that the client does not have: only a snapshot can deliver these. */
  readonly #unsent = new Set<string>();
  /** Ids of messages that the client has and the list has no more, others of the id perhaps. */
  readonly #gone = new Set<string>();
  /** Their roles. */
  readonly #goneRoles = new Set<string>();
  #pendingChars = 0;
  #leftOut = 0;
  #isStale = false;
  #isRearranged = false;
  #needsSnapshot = false;
  /** How often messages had changed their roles when the client had all as they were. */
  #roleChanges = 0;

  constructor(messages: MessageList) {
    this.#messages = messages;
  }

  get saved(): SavedPending {
    return {
      pending: [...this.#pending.values()],
      unsent: [...this.#unsent],
      gone: [...this.#gone],
      goneRoles: [...this.#goneRoles],
      chars: this.#pendingChars,
      isStale: this.#isStale,
      isRearranged: this.#isRearranged,
      needsSnapshot: this.#needsSnapshot,
      knowsRoles: this.#knowsRoles,
    };
  }

  restore(saved: SavedPending): void {
    for (const message of saved.pending) this.#pending.set(message.id, message);
    for (const id of saved.unsent) this.#unsent.add(id);
    for (const id of saved.gone) this.#gone.add(id);
    for (const role of saved.goneRoles) this.#goneRoles.add(role);
    this.#pendingChars = saved.chars;
    this.#isStale = saved.isStale;
    this.#isRearranged = saved.isRearranged;
    this.#needsSnapshot = saved.needsSnapshot;
    // a list that is restored has changed no role
    this.#roleChanges = saved.knowsRoles ? this.#messages.roleChanges : -1;
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

  /** Whether the client lacks something that only a snapshot can deliver, before any newer message. */
  get needsSnapshot(): boolean {
    return this.#needsSnapshot || this.#unsent.size > 0;
  }

  /** Whether a message has to be sent before one that is new, or before it is changed itself. */
  isMissing(id: string, isNew: boolean): boolean {
    if (this.#gone.has(id)) return true;
    if (isNew) return this.needsSnapshot || this.#pending.size > 0;
    return this.#unsent.has(id) || this.#pending.has(id);
  }

  /** Messages have changed in a way that the client was not sent. */
  setStale(isRearranged: boolean): void {
    this.#isStale = true;
    this.#isRearranged ||= isRearranged;
  }

  /** There is something new in the message of this id, or that message, which no event can deliver. */
  setUnsendable(id: string, isNew: boolean): void {
    this.setStale(true);
    // what waited as it came has become something else
    const wasPending = this.#pending.delete(id);
    if (isNew || wasPending) this.#unsent.add(id);
    else this.#needsSnapshot = true;
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
      if (isApart && !this.#messages.isOverflowed) this.setUnsendable(message.id, true);
      else yield* this.#wait(message);
      yield;
    }
  }

  /**
   * Whether these messages have to wait for a snapshot, which is sent before them or contains them:
   * a client that has another of the id would pass over a message of a run's input.
   */
  cannotSend(messages: readonly Message[]): boolean {
    if (this.#messages.isOverflowed) return false;
    return this.needsSnapshot || messages.some(({ id }) => this.#gone.has(id));
  }

  /** New messages that a snapshot has to send. */
  *hold(messages: readonly Message[]): Steps {
    yield* eachInSteps(messages, ({ id }) => this.setUnsendable(id, true));
  }

  /**
   * A snapshot of all messages, if the client lacks any and they were not released, with the events
   * that deliver what has no place in a snapshot.
   */
  *takeSnapshot(): Steps<SnapshotEvents> {
    if (this.#messages.isOverflowed || !this.isBehind) return NOTHING;
    const { messages } = this.#messages;
    yield;
    const lists = [...(yield* this.#emptying(messages)), messages];
    yield;
    const lines: ParsedEvent[] = [];
    for (const list of lists) lines.push(...(yield* snapshotOf(list)));
    yield;
    if (lines.some(({ bytes }) => bytes.length > MAX_EVENT_BYTES)) {
      this.#messages.lose();
      return NOTHING;
    }
    this.clear();
    return { lines, lists };
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
    this.#roleChanges = this.#messages.roleChanges;
    this.#unsent.clear();
    this.#gone.clear();
    this.#goneRoles.clear();
    this.#isStale = false;
    this.#isRearranged = false;
    this.#needsSnapshot = false;
    this.#pending.clear();
    this.#pendingChars = 0;
  }

  /** A message was removed that the client may have. */
  #takeBack({ id, role }: Message): void {
    if (this.#pending.delete(id)) return;
    if (this.#unsent.has(id)) {
      if (!this.#messages.find(id)) this.#unsent.delete(id);
      return;
    }
    this.#gone.add(id);
    this.#goneRoles.add(role);
    // results beside results change no place
    this.setStale(role !== "tool");
  }

  /** Snapshots that take from a client what would not become of the list by a snapshot of it alone. */
  *#emptying(messages: readonly Message[]): Steps<(readonly Message[])[]> {
    if (!(yield* this.#needsEmptying(messages))) return [];
    const kept = yield* this.#keepable(messages);
    const others = new Set(this.#gone);
    let isStubborn = [...CLIENT_ONLY].some((role) => this.#mayBeGone(role)) || !this.#knowsRoles;
    let isThought = false;
    yield* eachInSteps(messages.slice(kept.length), ({ id, role }) => {
      if (this.#isLacking(id)) return;
      others.add(id);
      isStubborn ||= CLIENT_ONLY.has(role);
      isThought ||= role === "reasoning";
    });
    if (!isStubborn) return [kept];
    // what would stay is made something else first, where the client does that
    const plain = Array.from(others, (id): Message => ({ id, role: "assistant", content: "" }));
    // elsewhere reasoning goes beside other reasoning, which goes with the messages that follow
    return [[...kept, ...plain], isThought ? [...kept, NO_THOUGHT] : kept];
  }

  /** Whether a snapshot of the list would leave a client with other messages, or in another order. */
  *#needsEmptying(messages: readonly Message[]): Steps<boolean> {
    for (const id of this.#messages.copiedIds) {
      if (!this.#isLacking(id)) return true;
      yield;
    }
    for (const id of this.#gone) {
      if (this.#messages.find(id)) return true;
      yield;
    }
    let isLacking = false;
    for (const { id } of this.#isAnyLacking ? messages : []) {
      if (this.#isLacking(id)) isLacking = true;
      // it comes last, and belongs before this one
      else if (isLacking) return true;
      yield;
    }
    const stubborn = new Set([...CLIENT_ONLY].filter((role) => this.#mayBeGone(role)));
    if (stubborn.size > 0) yield* eachInSteps(messages, ({ role }) => stubborn.delete(role));
    return stubborn.size > 0;
  }

  /** The first messages, up to one whose id the client has more than once, or which it lacks. */
  *#keepable(messages: readonly Message[]): Steps<readonly Message[]> {
    const copied = new Set(this.#messages.copiedIds);
    let count = 0;
    for (const { id } of messages) {
      if (copied.has(id) || this.#gone.has(id) || this.#isLacking(id)) break;
      count++;
      yield;
    }
    return messages.slice(0, count);
  }

  /** Whether the client has the messages in the roles that they have here. */
  get #knowsRoles(): boolean {
    return this.#roleChanges === this.#messages.roleChanges;
  }

  /** Whether a message that is gone may have this role at the client. */
  #mayBeGone(role: string): boolean {
    return this.#knowsRoles ? this.#goneRoles.has(role) : this.#gone.size > 0;
  }

  get #isAnyLacking(): boolean {
    return this.#unsent.size > 0 || this.#pending.size > 0;
  }

  #isLacking(id: string): boolean {
    return this.#unsent.has(id) || this.#pending.has(id);
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
