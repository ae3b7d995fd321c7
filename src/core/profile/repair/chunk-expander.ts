import { EventLine, type MemberChanges } from "./parsed-event.ts";

/** What one subagent, or the agent itself, is assembling from chunks. */
interface Lane {
  readonly kind: ChunkKind;
  readonly id: string;
}

type ChunkKind = "text" | "tool" | "reasoning";

interface ChunkType {
  readonly kind: ChunkKind;
  readonly idKey: "messageId" | "toolCallId";
  readonly start: string;
  readonly content: string;
  readonly end: string;
}

const CHUNK_TYPES: Readonly<Record<string, ChunkType>> = {
  TEXT_MESSAGE_CHUNK: {
    kind: "text",
    idKey: "messageId",
    start: "TEXT_MESSAGE_START",
    content: "TEXT_MESSAGE_CONTENT",
    end: "TEXT_MESSAGE_END",
  },
  TOOL_CALL_CHUNK: {
    kind: "tool",
    idKey: "toolCallId",
    start: "TOOL_CALL_START",
    content: "TOOL_CALL_ARGS",
    end: "TOOL_CALL_END",
  },
  REASONING_MESSAGE_CHUNK: {
    kind: "reasoning",
    idKey: "messageId",
    start: "REASONING_MESSAGE_START",
    content: "REASONING_MESSAGE_CONTENT",
    end: "REASONING_MESSAGE_END",
  },
};

/** Events that go by without ending what is assembled in their lane. */
const PASSING: ReadonlySet<string> = new Set([
  "RAW",
  "ACTIVITY_SNAPSHOT",
  "ACTIVITY_DELTA",
  "REASONING_ENCRYPTED_VALUE",
  "SUBAGENT_STARTED",
]);

const OPENER_ONLY: MemberChanges = {
  role: null,
  name: null,
  toolCallName: null,
  parentMessageId: null,
};

/** Most lanes that may be open at once; further chunks are none of any. */
const MAX_LANES = 256;

/** Whether an event of this type is a chunk: shorthand for the start, content and end of an item. */
export function isChunk(type: string): boolean {
  return Object.hasOwn(CHUNK_TYPES, type);
}

/**
 * Writes chunks out as the events that they stand for, as clients do for themselves: what a chunk
 * opens ends when another item begins in its lane, or any other event of that lane comes.
 */
export class ChunkLanes {
  readonly #lanes = new Map<string | null, Lane>();

  /**
   * The events that a chunk stands for, or null if it continues nothing and opens nothing.
   * `isOpen` says whether an item was opened, by whatever event.
   */
  expand(
    chunk: EventLine,
    type: string,
    isOpen: (kind: ChunkKind, id: string) => boolean,
  ): EventLine[] | null {
    const of = CHUNK_TYPES[type];
    if (!of) return null;
    const given = chunk.text(of.idKey);
    const tag = chunk.text("subagentRunId");
    const owner = this.#laneOf(of.kind, given, tag);
    const open = this.#lanes.get(owner);
    const events: EventLine[] = [];
    let id = given;
    if (open?.kind === of.kind && (given === null || given === open.id)) id = open.id;
    else if (given === null) return null;
    else if (!isOpen(of.kind, given)) {
      if (of.kind === "tool" && chunk.text("toolCallName") === null) return null;
      if (this.#lanes.size >= MAX_LANES) return null;
      events.push(...this.#close(owner), startOf(chunk, of));
      this.#lanes.set(owner, { kind: of.kind, id: given });
    }
    if (chunk.kind("delta") !== null)
      events.push(
        chunk.with({
          ...OPENER_ONLY,
          type: JSON.stringify(of.content),
          [of.idKey]: JSON.stringify(id),
        }),
      );
    return events;
  }

  /** The ends of what an event that is no chunk ends. */
  closeBefore(type: string, tag: string | null): EventLine[] {
    if (this.#lanes.size === 0 || PASSING.has(type)) return [];
    if (type !== "MESSAGES_SNAPSHOT") return this.#close(tag);
    return [...this.#lanes.keys()].flatMap((owner) => this.#close(owner));
  }

  clear(): void {
    this.#lanes.clear();
  }

  #close(owner: string | null): EventLine[] {
    const lane = this.#lanes.get(owner);
    if (!lane) return [];
    this.#lanes.delete(owner);
    const of = Object.values(CHUNK_TYPES).find(({ kind }) => kind === lane.kind);
    return of ? [EventLine.of({ type: of.end, [of.idKey]: lane.id })] : [];
  }

  #laneOf(kind: ChunkKind, id: string | null, tag: string | null): string | null {
    if (id !== null) {
      for (const [owner, lane] of this.#lanes)
        if (lane.kind === kind && lane.id === id) return owner;
      return tag;
    }
    if (tag !== null || this.#lanes.get(null)?.kind === kind) return tag;
    const candidates = [...this.#lanes].filter(([, lane]) => lane.kind === kind);
    return candidates.length === 1 ? (candidates[0]?.[0] ?? null) : null;
  }
}

function startOf(chunk: EventLine, { kind, start }: ChunkType): EventLine {
  const role = kind === "reasoning" ? { role: '"reasoning"' } : {};
  return chunk.with({ ...role, type: JSON.stringify(start), delta: null, rawEvent: null });
}
