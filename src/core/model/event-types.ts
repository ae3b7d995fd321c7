import type { EventType, EventTypeName, Members } from "./event-type.ts";

const MESSAGE: Members = { messageId: "string" };
const CALL: Members = { toolCallId: "string" };
const STEP: Members = { stepName: "string" };

/**
 * What is known of each type. A new one is a name, a row and a handler in `profile/client-view/apply-event.ts` (null if it
 * changes no message), without which nothing compiles, and their tests. What is not here is delivered as RAW.
 */
export const EVENT_TYPES: Readonly<Record<EventTypeName, EventType>> = {
  TEXT_MESSAGE_START: {
    required: MESSAGE,
    optional: { role: "string", name: "string" },
    item: { step: "start", kind: "text", idKey: "messageId" },
    chunk: null,
    passesChunks: false,
    compactedAs: "other",
  },
  TEXT_MESSAGE_CONTENT: {
    required: { messageId: "string", delta: "string" },
    optional: {},
    item: { step: "delta", kind: "text", idKey: "messageId" },
    chunk: null,
    passesChunks: false,
    compactedAs: "delta",
  },
  TEXT_MESSAGE_END: {
    required: MESSAGE,
    optional: {},
    item: { step: "end", kind: "text", idKey: "messageId" },
    chunk: null,
    passesChunks: false,
    compactedAs: "other",
  },
  TEXT_MESSAGE_CHUNK: {
    required: {},
    optional: { messageId: "string", role: "string", delta: "string", name: "string" },
    item: null,
    chunk: {
      kind: "text",
      idKey: "messageId",
      start: "TEXT_MESSAGE_START",
      content: "TEXT_MESSAGE_CONTENT",
      end: "TEXT_MESSAGE_END",
    },
    passesChunks: false,
    compactedAs: "chunk",
  },
  TOOL_CALL_START: {
    required: { toolCallId: "string", toolCallName: "string" },
    optional: { parentMessageId: "string" },
    item: { step: "start", kind: "tool", idKey: "toolCallId" },
    chunk: null,
    passesChunks: false,
    compactedAs: "other",
  },
  TOOL_CALL_ARGS: {
    required: { toolCallId: "string", delta: "string" },
    optional: {},
    item: { step: "delta", kind: "tool", idKey: "toolCallId" },
    chunk: null,
    passesChunks: false,
    compactedAs: "delta",
  },
  TOOL_CALL_END: {
    required: CALL,
    optional: {},
    item: { step: "end", kind: "tool", idKey: "toolCallId" },
    chunk: null,
    passesChunks: false,
    compactedAs: "other",
  },
  TOOL_CALL_CHUNK: {
    required: {},
    optional: {
      toolCallId: "string",
      toolCallName: "string",
      parentMessageId: "string",
      delta: "string",
    },
    item: null,
    chunk: {
      kind: "tool",
      idKey: "toolCallId",
      start: "TOOL_CALL_START",
      content: "TOOL_CALL_ARGS",
      end: "TOOL_CALL_END",
    },
    passesChunks: false,
    compactedAs: "chunk",
  },
  TOOL_CALL_RESULT: {
    required: { messageId: "string", toolCallId: "string", content: "any" },
    optional: { role: "string" },
    item: null,
    chunk: null,
    passesChunks: false,
    compactedAs: "other",
  },
  STATE_SNAPSHOT: {
    required: { snapshot: "any" },
    optional: {},
    item: null,
    chunk: null,
    passesChunks: false,
    compactedAs: "snapshot",
  },
  STATE_DELTA: {
    required: { delta: "array" },
    optional: {},
    item: null,
    chunk: null,
    passesChunks: false,
    compactedAs: "patch",
  },
  MESSAGES_SNAPSHOT: {
    required: { messages: "array" },
    optional: {},
    item: null,
    chunk: null,
    passesChunks: false,
    compactedAs: "other",
  },
  ACTIVITY_SNAPSHOT: {
    required: { messageId: "string", activityType: "string", content: "object" },
    optional: { replace: "boolean" },
    item: null,
    chunk: null,
    passesChunks: true,
    compactedAs: "other",
  },
  ACTIVITY_DELTA: {
    required: { messageId: "string", activityType: "string", patch: "array" },
    optional: {},
    item: null,
    chunk: null,
    passesChunks: true,
    compactedAs: "other",
  },
  RAW: {
    required: { event: "any" },
    optional: { source: "string" },
    item: null,
    chunk: null,
    passesChunks: true,
    compactedAs: "other",
  },
  CUSTOM: {
    required: { name: "string", value: "any" },
    optional: {},
    item: null,
    chunk: null,
    passesChunks: false,
    compactedAs: "other",
  },
  RUN_STARTED: {
    required: {},
    optional: {
      threadId: "string",
      runId: "string",
      protocolVersion: "string",
      parentRunId: "string",
    },
    item: null,
    chunk: null,
    passesChunks: false,
    compactedAs: "boundary",
  },
  RUN_FINISHED: {
    required: {},
    optional: { threadId: "string", runId: "string", outcome: "object", usage: "array" },
    item: null,
    chunk: null,
    passesChunks: false,
    compactedAs: "boundary",
  },
  RUN_ERROR: {
    required: {},
    optional: { message: "string", code: "string", usage: "array" },
    item: null,
    chunk: null,
    passesChunks: false,
    compactedAs: "boundary",
  },
  STEP_STARTED: {
    required: STEP,
    optional: {},
    item: { step: "start", kind: "step", idKey: "stepName" },
    chunk: null,
    passesChunks: false,
    compactedAs: "other",
  },
  STEP_FINISHED: {
    required: STEP,
    optional: {},
    item: { step: "end", kind: "step", idKey: "stepName" },
    chunk: null,
    passesChunks: false,
    compactedAs: "other",
  },
  REASONING_START: {
    required: MESSAGE,
    optional: {},
    item: { step: "start", kind: "phase", idKey: "messageId" },
    chunk: null,
    passesChunks: false,
    compactedAs: "other",
  },
  REASONING_END: {
    required: MESSAGE,
    optional: {},
    item: { step: "end", kind: "phase", idKey: "messageId" },
    chunk: null,
    passesChunks: false,
    compactedAs: "other",
  },
  REASONING_MESSAGE_START: {
    required: MESSAGE,
    optional: {},
    item: { step: "start", kind: "reasoning", idKey: "messageId" },
    chunk: null,
    passesChunks: false,
    compactedAs: "other",
  },
  REASONING_MESSAGE_CONTENT: {
    required: { messageId: "string", delta: "string" },
    optional: {},
    item: { step: "delta", kind: "reasoning", idKey: "messageId" },
    chunk: null,
    passesChunks: false,
    compactedAs: "delta",
  },
  REASONING_MESSAGE_END: {
    required: MESSAGE,
    optional: {},
    item: { step: "end", kind: "reasoning", idKey: "messageId" },
    chunk: null,
    passesChunks: false,
    compactedAs: "other",
  },
  REASONING_MESSAGE_CHUNK: {
    required: {},
    optional: { messageId: "string", delta: "string" },
    item: null,
    chunk: {
      kind: "reasoning",
      idKey: "messageId",
      start: "REASONING_MESSAGE_START",
      content: "REASONING_MESSAGE_CONTENT",
      end: "REASONING_MESSAGE_END",
    },
    passesChunks: false,
    compactedAs: "chunk",
  },
  REASONING_ENCRYPTED_VALUE: {
    required: { subtype: "string", entityId: "string", encryptedValue: "string" },
    optional: { encryptedValueType: "string" },
    item: null,
    chunk: null,
    passesChunks: true,
    compactedAs: "other",
  },
  SUBAGENT_STARTED: {
    required: { subagentRunId: "string", name: "string" },
    optional: {
      description: "string",
      parentSubagentRunId: "string",
      parentToolCallId: "string",
      parentMessageId: "string",
    },
    item: null,
    chunk: null,
    passesChunks: true,
    compactedAs: "other",
  },
  SUBAGENT_FINISHED: {
    required: { subagentRunId: "string" },
    optional: { outcome: "object" },
    item: null,
    chunk: null,
    passesChunks: false,
    compactedAs: "other",
  },
  SUBAGENT_ERROR: {
    required: { subagentRunId: "string", message: "string" },
    optional: { code: "string" },
    item: null,
    chunk: null,
    passesChunks: false,
    compactedAs: "other",
  },
};

const BY_NAME: ReadonlyMap<string, EventType> = new Map(Object.entries(EVENT_TYPES));

/** Whether runlog knows events of this type. */
export function isEventType(name: string): name is EventTypeName {
  return BY_NAME.has(name);
}

/** What is known of events of a type, or null. */
export function eventType(name: string): EventType | null {
  return BY_NAME.get(name) ?? null;
}
