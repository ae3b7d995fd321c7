import type { Dialect } from "./dialect.ts";
import { EventLine } from "./event-line.ts";
import { MAX_EVENT_BYTES } from "./frame-writer.ts";
import type { Message } from "./mend-message.ts";
import type { MessageList } from "./message-list.ts";
import { mendMessages } from "./run-started.ts";

/** Most characters of messages in one input; half an event, since escapes make them longer. */
const MAX_TOLD_CHARS = MAX_EVENT_BYTES / 2;
/** Most characters of messages that wait to be told when the list of all of them was let go. */
const MAX_UNTOLD_CHARS = MAX_EVENT_BYTES;

/**
 * How far the messages that a client was told are behind those of the session. Snapshots in a log are
 * those of one run; sent as they are they would drop every other message. So what they change is
 * told at once for all messages, and as rarely as can be: what is new can wait for the next
 * RUN_STARTED, what has changed for the end.
 */
export class ToldMessages {
  readonly #messages: MessageList;
  readonly #dialect: Dialect;
  /** Messages of snapshots that the client does not have, as they came. */
  readonly #untold = new Map<string, Message>();
  #untoldChars = 0;
  #leftOut = 0;
  #isStale = false;
  #isRearranged = false;
  #needsSnapshot = false;

  constructor(messages: MessageList, dialect: Dialect) {
    this.#messages = messages;
    this.#dialect = dialect;
  }

  /** Whether the client does not have all messages as they are. */
  get isBehind(): boolean {
    return this.#isStale || this.#untold.size > 0;
  }

  /** Whether the client has other tool calls, or has them elsewhere. */
  get isRearranged(): boolean {
    return this.#isRearranged;
  }

  /** Whether the client lacks a message that only a snapshot can give it: before any newer one. */
  get needsSnapshot(): boolean {
    return this.#needsSnapshot;
  }

  /** Whether a message has to be told before one that is new, or before it is touched itself. */
  isMissing(id: string, isNew: boolean): boolean {
    if (isNew && this.#needsSnapshot) return true;
    return this.#untold.size > 0 && (isNew || this.#untold.has(id));
  }

  /** The messages have become what the client was not told. */
  setStale(isRearranged: boolean): void {
    this.#isStale = true;
    this.#isRearranged ||= isRearranged;
  }

  /** There is a new message, told stale already, that no event can tell the client of. */
  setUntellable(): void {
    this.#needsSnapshot = true;
  }

  /**
   * Takes over the messages of a MESSAGES_SNAPSHOT; false if it is none. The client is taken to have
   * those that are only changed if it `hasOwn` versions of them.
   */
  merge(line: EventLine, { hasOwn = false }: { readonly hasOwn?: boolean } = {}): boolean {
    const list = line.json("messages");
    if (!Array.isArray(list)) return false;
    const messages = mendMessages(list, this.#dialect);
    const { isChanged, isRearranged, added } = this.#messages.merge(messages);
    if (isChanged && !hasOwn) this.setStale(isRearranged);
    for (const message of added) this.#wait(message);
    return true;
  }

  /** All messages as one snapshot, if the client is behind and they were not let go. */
  takeSnapshot(): EventLine | null {
    if (this.#messages.isLost || !this.isBehind) return null;
    const line = EventLine.of({ type: "MESSAGES_SNAPSHOT", messages: this.#messages.messages });
    if (line.bytes.length > MAX_EVENT_BYTES) {
      this.#messages.lose();
      return null;
    }
    this.clear();
    return line;
  }

  /** The messages that the client does not have, in parts that fit into an input each. */
  takeUntold(): Message[][] {
    const parts: Message[][] = [[]];
    let chars = 0;
    for (const message of this.#untold.values()) {
      const own = JSON.stringify(message).length;
      if (chars > 0 && chars + own > MAX_TOLD_CHARS) {
        parts.push([]);
        chars = 0;
      }
      parts.at(-1)?.push(message);
      chars += own;
    }
    this.#untold.clear();
    this.#untoldChars = 0;
    return parts;
  }

  /** How many messages had no room among those that wait, since the last call. */
  takeLeftOut(): number {
    const leftOut = this.#leftOut;
    this.#leftOut = 0;
    return leftOut;
  }

  /** The client has all messages as they are. */
  clear(): void {
    this.#isStale = false;
    this.#isRearranged = false;
    this.#needsSnapshot = false;
    this.#untold.clear();
    this.#untoldChars = 0;
  }

  #wait(message: Message): void {
    const chars = JSON.stringify(message).length;
    if (this.#messages.isLost && this.#untoldChars + chars > MAX_UNTOLD_CHARS) {
      this.#leftOut++;
      return;
    }
    this.#untoldChars += chars;
    this.#untold.set(message.id, message);
    if (message.toolCalls) this.#isRearranged = true;
  }
}
