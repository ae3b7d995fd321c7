import type { ChunkType } from "../../model/event-type.ts";
import { eventType } from "../../model/event-types.ts";
import { ParsedEvent, type MemberChanges } from "./parsed-event.ts";

/** The item that one subagent, or the agent itself, is assembling from chunks. */
interface OpenChunk {
  readonly of: ChunkType;
  readonly id: string;
}

type ChunkKind = ChunkType["kind"];

const OPENER_ONLY: MemberChanges = {
  role: null,
  name: null,
  toolCallName: null,
  parentMessageId: null,
};

/** Most chunks that may be open at once; further chunks belong to none. */
const MAX_OPEN_CHUNKS = 256;

/** Whether an event of this type is a chunk: shorthand for the start, content and end of an item. */
export function isChunk(type: string): boolean {
  return (eventType(type)?.chunk ?? null) !== null;
}

/**
 * Expands chunks into the events that they stand for, as clients do: the item that a chunk opens
 * ends when another item begins in its open chunk, or any other event of that open chunk comes.
 */
export class ChunkExpander {
  readonly #openChunks = new Map<string | null, OpenChunk>();

  /**
   * The events that a chunk stands for, or null if it continues nothing and opens nothing. `isOpen`
   * is whether an item was opened, by whatever event.
   */
  expand(
    chunk: ParsedEvent,
    type: string,
    isOpen: (kind: ChunkKind, id: string) => boolean,
  ): ParsedEvent[] | null {
    const of = eventType(type)?.chunk;
    if (!of) return null;
    const given = chunk.text(of.idKey);
    const tag = chunk.text("subagentRunId");
    const owner = this.#openChunkOf(of.kind, given, tag);
    const open = this.#openChunks.get(owner);
    const events: ParsedEvent[] = [];
    let id = given;
    if (open?.of.kind === of.kind && (given === null || given === open.id)) id = open.id;
    else if (given === null) return null;
    else if (!isOpen(of.kind, given)) {
      if (of.kind === "tool" && chunk.text("toolCallName") === null) return null;
      if (this.#openChunks.size >= MAX_OPEN_CHUNKS) return null;
      events.push(...this.#close(owner), startOf(chunk, of));
      this.#openChunks.set(owner, { of, id: given });
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

  /** The ends of the items that an event other than a chunk ends. */
  closeBefore(type: string, tag: string | null): ParsedEvent[] {
    if (this.#openChunks.size === 0 || eventType(type)?.passesChunks) return [];
    if (type !== "MESSAGES_SNAPSHOT") return this.#close(tag);
    return [...this.#openChunks.keys()].flatMap((owner) => this.#close(owner));
  }

  clear(): void {
    this.#openChunks.clear();
  }

  #close(owner: string | null): ParsedEvent[] {
    const openChunk = this.#openChunks.get(owner);
    if (!openChunk) return [];
    this.#openChunks.delete(owner);
    const { of, id } = openChunk;
    return [ParsedEvent.of({ type: of.end, [of.idKey]: id })];
  }

  #openChunkOf(kind: ChunkKind, id: string | null, tag: string | null): string | null {
    if (id !== null) {
      for (const [owner, openChunk] of this.#openChunks)
        if (openChunk.of.kind === kind && openChunk.id === id) return owner;
      return tag;
    }
    if (tag !== null || this.#openChunks.get(null)?.of.kind === kind) return tag;
    const candidates = [...this.#openChunks].filter(([, openChunk]) => openChunk.of.kind === kind);
    return candidates.length === 1 ? (candidates[0]?.[0] ?? null) : null;
  }
}

function startOf(chunk: ParsedEvent, { kind, start }: ChunkType): ParsedEvent {
  const role = kind === "reasoning" ? { role: '"reasoning"' } : {};
  return chunk.with({ ...role, type: JSON.stringify(start), delta: null, rawEvent: null });
}
