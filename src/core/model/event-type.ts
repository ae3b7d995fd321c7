import type { JsonKind } from "../../stream/json/json-walk.ts";

/** The types of AG-UI 1.1. */
export type EventTypeName =
  | "TEXT_MESSAGE_START"
  | "TEXT_MESSAGE_CONTENT"
  | "TEXT_MESSAGE_END"
  | "TEXT_MESSAGE_CHUNK"
  | "TOOL_CALL_START"
  | "TOOL_CALL_ARGS"
  | "TOOL_CALL_END"
  | "TOOL_CALL_CHUNK"
  | "TOOL_CALL_RESULT"
  | "STATE_SNAPSHOT"
  | "STATE_DELTA"
  | "MESSAGES_SNAPSHOT"
  | "ACTIVITY_SNAPSHOT"
  | "ACTIVITY_DELTA"
  | "RAW"
  | "CUSTOM"
  | "RUN_STARTED"
  | "RUN_FINISHED"
  | "RUN_ERROR"
  | "STEP_STARTED"
  | "STEP_FINISHED"
  | "REASONING_START"
  | "REASONING_END"
  | "REASONING_MESSAGE_START"
  | "REASONING_MESSAGE_CONTENT"
  | "REASONING_MESSAGE_END"
  | "REASONING_MESSAGE_CHUNK"
  | "REASONING_ENCRYPTED_VALUE"
  | "SUBAGENT_STARTED"
  | "SUBAGENT_FINISHED"
  | "SUBAGENT_ERROR";

/** The kind that a member must have; `any` may be null. */
export type MemberKind = Extract<JsonKind, "string" | "object" | "array" | "boolean"> | "any";

/** Members of an event by their names. */
export type Members = Readonly<Record<string, MemberKind>>;

/** What an item is that events start, continue and end. */
type ItemKindOfEvents = "text" | "tool" | "reasoning" | "phase" | "step";

/** What a chunk stands for: the start, content and end of an item. */
export interface ChunkType {
  readonly kind: "text" | "tool" | "reasoning";
  /** The member that names the item. */
  readonly idKey: "messageId" | "toolCallId";
  readonly start: string;
  readonly content: string;
  readonly end: string;
}

/** What an event does to an item. */
export interface ItemStep {
  readonly step: "start" | "delta" | "end";
  readonly kind: ItemKindOfEvents;
  /** The member that names the item. */
  readonly idKey: "messageId" | "toolCallId" | "stepName";
}

/**
 * How compaction treats an event. A delta appends to the item of its id; a chunk may also begin or end
 * one; state is a document of its own; a boundary begins or ends a run; others are only passed on.
 */
export type CompactedAs = "delta" | "chunk" | "snapshot" | "patch" | "boundary" | "other";

/** What runlog knows of a type of events. */
export interface EventType {
  /** Its own members that have to be there; members of all events are repaired elsewhere. */
  readonly required: Members;
  /** Its own members that may be there. */
  readonly optional: Members;
  /** The item that it starts, continues or ends, or null. */
  readonly item: ItemStep | null;
  /** What it stands for if it is a chunk, else null. */
  readonly chunk: ChunkType | null;
  /** Whether an item that chunks have begun goes on after it. */
  readonly passesChunks: boolean;
  readonly compactedAs: CompactedAs;
}
