import type { JsonKind } from "../../../stream/json/json-walk.ts";

/** The kind that a member must have; `any` may be null. */
type MemberKind = Extract<JsonKind, "string" | "object" | "array" | "boolean"> | "any";

type Kinds = Readonly<Record<string, MemberKind>>;

interface EventShape {
  readonly required: readonly (readonly [string, MemberKind])[];
  readonly optional: readonly (readonly [string, MemberKind])[];
}

function shape(required: Kinds, optional: Kinds = {}): EventShape {
  return { required: Object.entries(required), optional: Object.entries(optional) };
}

const message = shape({ messageId: "string" });
const delta = shape({ messageId: "string", delta: "string" });
const step = shape({ stepName: "string" });

/** The events of AG-UI 1.1 and their own members; members of all events are repaired elsewhere. */
export const EVENT_SHAPES: ReadonlyMap<string, EventShape> = new Map(
  Object.entries({
    TEXT_MESSAGE_START: shape({ messageId: "string" }, { role: "string", name: "string" }),
    TEXT_MESSAGE_CONTENT: delta,
    TEXT_MESSAGE_END: message,
    TEXT_MESSAGE_CHUNK: shape(
      {},
      { messageId: "string", role: "string", delta: "string", name: "string" },
    ),
    TOOL_CALL_START: shape(
      { toolCallId: "string", toolCallName: "string" },
      { parentMessageId: "string" },
    ),
    TOOL_CALL_ARGS: shape({ toolCallId: "string", delta: "string" }),
    TOOL_CALL_END: shape({ toolCallId: "string" }),
    TOOL_CALL_CHUNK: shape(
      {},
      { toolCallId: "string", toolCallName: "string", parentMessageId: "string", delta: "string" },
    ),
    TOOL_CALL_RESULT: shape(
      { messageId: "string", toolCallId: "string", content: "any" },
      { role: "string" },
    ),
    STATE_SNAPSHOT: shape({ snapshot: "any" }),
    STATE_DELTA: shape({ delta: "array" }),
    MESSAGES_SNAPSHOT: shape({ messages: "array" }),
    ACTIVITY_SNAPSHOT: shape(
      { messageId: "string", activityType: "string", content: "object" },
      { replace: "boolean" },
    ),
    ACTIVITY_DELTA: shape({ messageId: "string", activityType: "string", patch: "array" }),
    RAW: shape({ event: "any" }, { source: "string" }),
    CUSTOM: shape({ name: "string", value: "any" }),
    RUN_STARTED: shape(
      {},
      { threadId: "string", runId: "string", protocolVersion: "string", parentRunId: "string" },
    ),
    RUN_FINISHED: shape(
      {},
      { threadId: "string", runId: "string", outcome: "object", usage: "array" },
    ),
    RUN_ERROR: shape({}, { message: "string", code: "string", usage: "array" }),
    STEP_STARTED: step,
    STEP_FINISHED: step,
    REASONING_START: message,
    REASONING_END: message,
    REASONING_MESSAGE_START: message,
    REASONING_MESSAGE_CONTENT: delta,
    REASONING_MESSAGE_END: message,
    REASONING_MESSAGE_CHUNK: shape({}, { messageId: "string", delta: "string" }),
    REASONING_ENCRYPTED_VALUE: shape(
      { subtype: "string", entityId: "string", encryptedValue: "string" },
      { encryptedValueType: "string" },
    ),
    SUBAGENT_STARTED: shape(
      { subagentRunId: "string", name: "string" },
      {
        description: "string",
        parentSubagentRunId: "string",
        parentToolCallId: "string",
        parentMessageId: "string",
      },
    ),
    SUBAGENT_FINISHED: shape({ subagentRunId: "string" }, { outcome: "object" }),
    SUBAGENT_ERROR: shape({ subagentRunId: "string", message: "string" }, { code: "string" }),
  }),
);
