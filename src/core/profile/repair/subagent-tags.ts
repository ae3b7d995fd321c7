import type { ParsedEvent } from "./parsed-event.ts";
import type { Message } from "./repair-message.ts";

/** The namespace of an event's id: ids are unique within one. */
type Namespace = "message" | "call" | "reasoning" | "activity";

/** Items whose owners are remembered in a run; tags of further ones are left out. */
const MAX_OWNERS = 16_384;

const CONTINUED: Readonly<Record<string, readonly [Namespace, string]>> = {
  TEXT_MESSAGE_CONTENT: ["message", "messageId"],
  TEXT_MESSAGE_END: ["message", "messageId"],
  TOOL_CALL_ARGS: ["call", "toolCallId"],
  TOOL_CALL_END: ["call", "toolCallId"],
  REASONING_MESSAGE_CONTENT: ["reasoning", "messageId"],
  REASONING_MESSAGE_END: ["reasoning", "messageId"],
  REASONING_END: ["reasoning", "messageId"],
  ACTIVITY_DELTA: ["activity", "messageId"],
};

const OPENED: Readonly<Record<string, readonly [Namespace, string]>> = {
  TEXT_MESSAGE_START: ["message", "messageId"],
  TOOL_CALL_START: ["call", "toolCallId"],
  REASONING_START: ["reasoning", "messageId"],
  REASONING_MESSAGE_START: ["reasoning", "messageId"],
};

/**
 * The subagent that each item of a run belongs to. Clients refuse a stream with a tag that differs
 * from that of the item's opener, and accept a missing tag: so such tags are removed.
 */
export class SubagentTags {
  readonly #owners = new Map<string, string | null>();

  /** The event without its tag where that contradicts its item's opener. */
  fit(type: string, line: ParsedEvent): ParsedEvent {
    const opened = OPENED[type];
    if (opened) return this.#open(type, line, opened);
    const continued = CONTINUED[type];
    if (continued) return this.#agree(line, this.#ownerOf(continued[0], line.text(continued[1])));
    if (type === "TOOL_CALL_RESULT")
      this.#record("message", line.text("messageId"), line.text("subagentRunId"), true);
    if (type === "ACTIVITY_SNAPSHOT")
      this.#record(
        "activity",
        line.text("messageId"),
        line.text("subagentRunId"),
        line.json("replace") !== false,
      );
    return line;
  }

  /**
   * Whether what a start makes would not have its owner, or its place, after `fit`: something of its
   * id had another owner. `isNew` is whether it makes a message.
   */
  contradicts(type: string, start: ParsedEvent, isNew: boolean): boolean {
    const tag = start.text("subagentRunId");
    const differs = (owner: string | null | undefined): boolean =>
      tag !== null && owner !== undefined && owner !== tag;
    if (type === "TEXT_MESSAGE_START")
      return differs(this.#ownerOf("message", start.text("messageId")));
    if (type !== "TOOL_CALL_START") return false;
    const parentId = start.text("parentMessageId");
    const parent = parentId === null ? undefined : this.#ownerOf("message", parentId);
    const owner = this.#ownerOf("call", start.text("toolCallId"));
    const isMoved = owner !== undefined && parent !== undefined && owner !== parent;
    return isMoved || differs(owner) || (isNew && differs(parent));
  }

  /** Records the owners of messages that the client is sent; `isSnapshot` replaces those known. */
  seed(messages: readonly Message[], isSnapshot: boolean): void {
    for (const { id, role, subagentRunId = null, toolCalls = [] } of messages) {
      const space = role === "reasoning" || role === "activity" ? role : "message";
      this.#record(space, id, subagentRunId, isSnapshot);
      for (const call of toolCalls) this.#record("call", call.id, subagentRunId, isSnapshot);
    }
  }

  clear(): void {
    this.#owners.clear();
  }

  #open(type: string, line: ParsedEvent, [space, key]: readonly [Namespace, string]): ParsedEvent {
    const id = line.text(key);
    const known = this.#ownerOf(space, id);
    const parentId = type === "TOOL_CALL_START" ? line.text("parentMessageId") : null;
    const parent = parentId === null ? undefined : this.#ownerOf("message", parentId);
    // a call stays in the message that has it, whatever message a later start names
    const isMoved = known !== undefined && parent !== undefined && known !== parent;
    const whole = isMoved ? line.with({ parentMessageId: null }) : line;
    const fitting = this.#agree(whole, known === undefined ? parent : known);
    const owner = fitting.text("subagentRunId") ?? parent ?? null;
    const isFull = this.#owners.size >= MAX_OWNERS && known === undefined;
    this.#record(space, id, owner, false);
    return isFull ? this.#agree(fitting, null) : fitting;
  }

  #agree(line: ParsedEvent, owner: string | null | undefined): ParsedEvent {
    const tag = line.text("subagentRunId");
    if (tag === null || (owner === undefined && this.#owners.size < MAX_OWNERS)) return line;
    return tag === owner ? line : line.with({ subagentRunId: null });
  }

  #ownerOf(space: Namespace, id: string | null): string | null | undefined {
    return this.#owners.get(`${space}:${id}`);
  }

  #record(space: Namespace, id: string | null, owner: string | null, isReplacing: boolean): void {
    const key = `${space}:${id}`;
    const isKnown = this.#owners.has(key);
    if (isKnown ? isReplacing : this.#owners.size < MAX_OWNERS) this.#owners.set(key, owner);
  }
}
