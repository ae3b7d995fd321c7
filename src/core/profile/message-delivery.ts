import { andThen, eachInSteps, laterIf, type Rest, type Steps } from "../../stream/sync/steps.ts";
import { isSameJson } from "../model/exact-json.ts";
import type { MessageList } from "./client-view/message-list.ts";
import { PendingMessages } from "./client-view/pending-messages.ts";
import { SnapshotPace } from "./client-view/snapshot-pace.ts";
import type { FrameWriter } from "./frame-writer.ts";
import type { Dialect } from "./repair/dialect.ts";
import type { ParsedEvent } from "./repair/parsed-event.ts";
import { readMessages } from "./repair/read-messages.ts";
import type { Message } from "./repair/repair-message.ts";
import type { SubagentTags } from "./repair/subagent-tags.ts";
import type { Undelivered } from "./undelivered.ts";

export interface MessageDeliveryOptions {
  readonly dialect: Dialect;
  readonly messages: MessageList;
  readonly tags: SubagentTags;
  readonly writer: FrameWriter;
  readonly undelivered: Undelivered;
  /** See `SnapshotPace`. */
  readonly smallChars?: number;
}

/** Up to so many characters of all messages a snapshot is sent where nothing else is right. */
const MAX_FORCED_CHARS = 64 * 1024;

/** Whose snapshot it is; see `PendingMessages.merge`. */
interface MergeOptions {
  readonly isOwn: boolean;
  readonly hasOwn?: boolean;
}

/**
 * When the client is sent the messages that no event delivers (`PendingMessages`): all of them at once,
 * by a snapshot.
 *
 * - Where everything stored was sent, at once (`caughtUp`): whoever waits has the right messages.
 * - In between, before an event whose place or meaning depends on them, if a snapshot may be sent
 *   there (`SnapshotPace`). If not, that event is held back: it changes the messages, and the client
 *   is sent it as RAW and its effect with the next snapshot.
 * - In a live stream also as soon as something was changed: once after each time that it had caught
 *   up, and where the pace allows it.
 *
 * So what a stream goes on from after a cut (PROTOCOL 11.14), which is never live, is at most what the
 * client has; where something was held back (`hasHeldBack`) other items may be open.
 */
export class MessageDelivery {
  readonly #options: MessageDeliveryOptions;
  readonly #pending: PendingMessages;
  readonly #pace: SnapshotPace;
  #isLive = false;
  /** Whether a live stream has sent no snapshot since it had caught up. */
  #isFresh = false;
  /** Whether an event was held back since the latest snapshot. */
  #hasHeldBack = false;
  #hasHeldBackInRun = false;

  constructor(options: MessageDeliveryOptions) {
    this.#options = options;
    this.#pending = new PendingMessages(options.messages);
    this.#pace = new SnapshotPace(options.smallChars);
  }

  /** What no event has delivered: all there is to save while nothing is sent, and so nothing is held back. */
  get pending(): Pick<PendingMessages, "saved" | "restore"> {
    return this.#pending;
  }

  /** Whether the client lacks messages or changes of them. */
  get isBehind(): boolean {
    return this.#pending.isBehind;
  }

  /** Whether the stream has caught up with the log before. */
  get isLive(): boolean {
    return this.#isLive;
  }

  /**
   * Whether an event was held back since the latest snapshot, or in the latest run, where other items are
   * open than without.
   */
  get hasHeldBack(): boolean {
    return this.#hasHeldBack || this.#hasHeldBackInRun;
  }

  /** Whether what it takes to begin a run has to be done in steps. */
  get isLong(): boolean {
    return this.#pending.isLong;
  }

  /** An event of a run comes: what was held back is sent if it may be. */
  reach(): Rest {
    this.#pace.reach(this.#options.messages.chars);
    if (this.#hasHeldBack) return this.flushIfAllowed();
    return this.#isLive && this.#pace.isPlace ? this.flush() : undefined;
  }

  /** Everything stored was sent; what comes from here on is live. `isOpen` is whether a run is. */
  caughtUp({ isOpen }: { readonly isOpen: boolean }): Rest {
    this.#isLive = true;
    return andThen(isOpen ? this.flush() : undefined, () => {
      this.#isFresh = true;
      return undefined;
    });
  }

  /**
   * Whether an event must be held back that makes a message (`isNew`), or changes the one with this id:
   * the client lacks what has to come before it.
   */
  isHeldBack(id: string, isNew: boolean): boolean {
    return this.#pending.isMissing(id, isNew) && this.#mustWait;
  }

  /** The same for an event whose place depends on the tool calls that the client has. */
  get isCallHeldBack(): boolean {
    return this.#pending.isRearranged && this.#mustWait;
  }

  /**
   * The same for a result, which comes after the message that has its call (`owner`, null if none has).
   * Older clients keep an activity in its place whatever a snapshot has, so that a result can come before
   * one only by its event: there the snapshot is sent, unless it is long.
   */
  isResultHeldBack(id: string, owner: string | null): boolean {
    const isMissing = owner === null ? this.isHeldBack(id, true) : this.isHeldBack(owner, false);
    return isMissing || (this.isCallHeldBack && !this.#isForced);
  }

  /**
   * An event was held back. `id` is that of the message which it made (`isNew`) or changed, null where
   * that is not known.
   */
  heldBack(id: string | null, isNew: boolean): void {
    this.#hasHeldBack = true;
    this.#hasHeldBackInRun = true;
    const { messages } = this.#options;
    if (id !== null && (!isNew || messages.has(id))) this.#pending.setUnsendable(id, isNew);
  }

  /** Sends what has to come before an event that is not held back; see `isHeldBack`. */
  beforeMessage(id: string, isNew: boolean): Rest {
    return this.#pending.isMissing(id, isNew) ? this.flushIfAllowed() : undefined;
  }

  beforeCall(): Rest {
    return this.#pending.isRearranged ? this.flushIfAllowed() : undefined;
  }

  beforeResult(): Rest {
    if (!this.#pending.isRearranged) return undefined;
    return this.#isForced ? this.flush() : this.flushIfAllowed();
  }

  /** Messages have changed in a way that no event can send. */
  setStale(isRearranged: boolean): void {
    this.#pending.setStale(isRearranged);
  }

  /**
   * There is something new in the message of an id that no event can send; `isNew` is whether the
   * message itself is.
   */
  setUnsendable(id: string, isNew: boolean): void {
    this.#pending.setUnsendable(id, isNew);
  }

  /** Takes over the messages of a MESSAGES_SNAPSHOT. */
  merge(line: ParsedEvent, options: MergeOptions): Rest {
    return laterIf(line.isLong, this.#merge(line, options));
  }

  *#merge(line: ParsedEvent, options: MergeOptions): Steps {
    const { dialect } = this.#options;
    const read = readMessages(line.bytes, line.valueStart("messages") ?? 0, { dialect });
    yield* this.#pending.merge((yield* read) ?? [], options);
  }

  /** Takes over those messages that the client does not have, of a run that has begun. */
  *mergeUnknown(messages: readonly Message[]): Steps {
    const unknown = messages.filter(({ id }) => this.#options.messages.find(id) === null);
    if (unknown.length > 0) yield* this.#pending.merge(unknown, { isOwn: false });
  }

  /**
   * What the RUN_STARTED of a run delivers that has messages of its own: in parts of which the last is
   * that of the run, and those before it need runs of their own. Null where the client lacks what has to
   * come before: then all of them wait for a snapshot.
   */
  *takeForRun(given: readonly Message[]): Steps<RunMessages | null> {
    const { messages } = this.#options;
    // clients ignore a message that differs from a known one of its id
    const own: Message[] = [];
    yield* eachInSteps(given, (message) => {
      const known = messages.find(message.id);
      if (known === null || isSameJson(known, message)) own.push(message);
    });
    if (this.#pending.cannotSend(own)) {
      yield* this.#pending.hold(yield* messages.addInSteps(own));
      return null;
    }
    const earlier = yield* this.#pending.takePending();
    const before = earlier.pop() ?? [];
    yield* messages.addInSteps(own);
    return { earlier, before, own };
  }

  /** A run begins. */
  beginRun(): void {
    this.#hasHeldBackInRun = false;
    this.#options.messages.beginRun();
  }

  /** How many messages were left out for lack of room, since the last call. */
  takeLeftOut(): number {
    return this.#pending.takeLeftOut();
  }

  /** What waits is sent at the end of a run already: else none of it could be sent between runs. */
  beforeEnd(): Rest {
    return this.#isLive || this.#pending.needsSnapshot ? this.flushIfAllowed() : undefined;
  }

  /** In a live stream, what was changed is sent at once if it may be. */
  afterChange(): Rest {
    return this.#isLive ? this.flushIfAllowed() : undefined;
  }

  /** The client was sent a snapshot. */
  clear(): void {
    this.#hasHeldBack = false;
    this.#isFresh = false;
    this.#pending.clear();
  }

  flushIfAllowed(): Rest {
    return this.#isAllowed ? this.flush() : undefined;
  }

  /** Sends all messages in one snapshot, if the client does not have them as they are. */
  flush(): Rest {
    if (!this.isBehind) return undefined;
    return this.#options.undelivered.attempt(
      "MESSAGES_SNAPSHOT",
      () => laterIf(this.#pending.isLong, this.#flush()),
      () => {
        this.#options.messages.lose();
        return undefined;
      },
    );
  }

  *#flush(): Steps {
    const { messages, writer } = this.#options;
    if (writer.isMuted && !messages.isOverflowed) {
      // what nobody is sent need not be made: each time it would be all messages of the session
      if (this.#pace.isPlace) writer.count(messages.chars);
      this.clear();
      return;
    }
    const { lines, lists } = yield* this.#pending.takeSnapshot();
    if (lines.length > 0) this.clear();
    for (const list of lists) yield* this.seed(list, true);
    yield* eachInSteps(lines, (line) => writer.besides(line));
  }

  /** Records whose the messages are that the client is sent. */
  *seed(messages: readonly Message[], isSnapshot: boolean): Steps {
    const { dialect, tags } = this.#options;
    if (dialect === "1.0")
      yield* eachInSteps(messages, (message) => tags.seed([message], isSnapshot));
  }

  /** Whether a snapshot may be sent at this event. */
  get #isAllowed(): boolean {
    // a client that is sent nothing lacks nothing
    return this.#options.writer.isMuted || this.#pace.isPlace || this.#isFresh;
  }

  get #isForced(): boolean {
    const { dialect, messages } = this.#options;
    return dialect === "0.0" && messages.hasActivities && messages.chars <= MAX_FORCED_CHARS;
  }

  /** Whether messages that an event depends on cannot be sent before it. */
  get #mustWait(): boolean {
    // without the messages there is no snapshot to wait for
    return !this.#isAllowed && !this.#options.messages.isOverflowed;
  }
}

/** Messages that a RUN_STARTED delivers. */
export interface RunMessages {
  /** In parts, for each of which a run is added before it: more than fits into one input. */
  readonly earlier: readonly (readonly Message[])[];
  /** What snapshots have said before the run. */
  readonly before: readonly Message[];
  /** What its own input says. */
  readonly own: readonly Message[];
}
