import { ParsedEvent } from "../repair/parsed-event.ts";

/** The kinds of items that can be open in a run. */
export type ItemKind = "text" | "tool" | "reasoning" | "phase" | "step" | "subagent";

/** The order in which a run's end closes them. */
const ORDER: readonly ItemKind[] = ["text", "tool", "reasoning", "phase", "step", "subagent"];

/** An open item. */
interface OpenItem {
  readonly kind: ItemKind;
  readonly id: string;
  /** The subagent that a step belongs to, else null. */
  readonly owner: string | null;
  /** The event that opened it, without later additions to the item. */
  readonly opener: ParsedEvent;
}

/** Most bytes that the openers of the open items may take up. */
const LIMIT_BYTES = 1024 * 1024;

/** From so many items on, work over all of them is done in steps. */
const MANY = 1_024;

/** The items that a run has opened and not closed, bounded by the bytes of their openers. */
export class OpenItems {
  readonly #items = new Map<string, OpenItem>();
  #bytes = 0;

  has(kind: ItemKind, id: string, owner: string | null = null): boolean {
    return this.#items.has(keyOf(kind, id, owner));
  }

  /** Opens an item; false if it is open already, or if there are too many. */
  open(kind: ItemKind, id: string, opener: ParsedEvent, owner: string | null = null): boolean {
    const key = keyOf(kind, id, owner);
    const bytes = opener.bytes.length;
    if (this.#items.has(key) || this.#bytes + bytes > LIMIT_BYTES) return false;
    // a copy: the line is part of a chunk that would live as long as the item
    this.#items.set(key, { kind, id, owner, opener: opener.copy() });
    this.#bytes += bytes;
    return true;
  }

  /** Closes an item; false if it is not open. */
  close(kind: ItemKind, id: string, owner: string | null = null): boolean {
    const key = keyOf(kind, id, owner);
    const item = this.#items.get(key);
    if (!item) return false;
    this.#items.delete(key);
    this.#bytes -= item.opener.bytes.length;
    return true;
  }

  /** Closes an open item; returns the event that does so. */
  end(kind: ItemKind, id: string, owner: string | null = null): ParsedEvent | null {
    const item = this.#items.get(keyOf(kind, id, owner));
    if (!item) return null;
    this.close(kind, id, owner);
    return closer(item);
  }

  /** The openers of the open items, in order. */
  get openers(): ParsedEvent[] {
    return [...this.#items.values()].map(({ opener }) => opener);
  }

  /** Whether work over all items has to be done in steps. */
  get areMany(): boolean {
    return this.#items.size > MANY;
  }

  /** Closes all items: yields the events that do so, in their order. */
  *closeAll(): Generator<ParsedEvent, void, undefined> {
    const items = [...this.#items.values()].toReversed();
    this.clear();
    for (const kind of ORDER) for (const item of items) if (item.kind === kind) yield closer(item);
  }

  clear(): void {
    this.#items.clear();
    this.#bytes = 0;
  }
}

function closer({ kind, id, owner }: OpenItem): ParsedEvent {
  switch (kind) {
    case "text":
      return ParsedEvent.of({ type: "TEXT_MESSAGE_END", messageId: id });
    case "tool":
      return ParsedEvent.of({ type: "TOOL_CALL_END", toolCallId: id });
    case "reasoning":
      return ParsedEvent.of({ type: "REASONING_MESSAGE_END", messageId: id });
    case "phase":
      return ParsedEvent.of({ type: "REASONING_END", messageId: id });
    case "step": {
      const tag = owner === null ? {} : { subagentRunId: owner };
      return ParsedEvent.of({ type: "STEP_FINISHED", stepName: id, ...tag });
    }
    default:
      return ParsedEvent.of({ type: "SUBAGENT_FINISHED", subagentRunId: id });
  }
}

function keyOf(kind: ItemKind, id: string, owner: string | null): string {
  return owner === null ? `${kind} ${id}` : `${kind}s ${JSON.stringify([owner, id])}`;
}
