import * as fc from "fast-check";
import { anyText, event, jsonWith } from "./inputs.ts";

const id = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom("a", "b", "") },
  { weight: 1, arbitrary: anyText },
);
const patch = fc.array(
  fc.record(
    {
      op: fc.constantFrom("add", "replace", "remove", "move", "copy", "test", "x"),
      path: fc.constantFrom("", "/", "/a", "/a/b", "/a/-", "/a/0", "/~2", "a"),
      from: fc.constantFrom("/a", "/b"),
      value: jsonWith(["a", "b"]),
    },
    { requiredKeys: ["op"] },
  ),
  { maxLength: 3 },
);
const snapshotMessage = fc.record(
  {
    id,
    role: fc.constantFrom("user", "assistant", "tool", "system", "developer", "x"),
    content: fc.oneof(anyText, jsonWith(["type", "text"])),
    toolCallId: id,
    toolCalls: jsonWith(["id", "type", "function", "name", "arguments"]),
  },
  { requiredKeys: ["id", "role"] },
);

/** The kinds of event that begin, go on with and end something, with ids that meet again. */
const agentEvent = fc.record(
  {
    type: fc.constantFrom(
      "RUN_STARTED",
      "RUN_FINISHED",
      "RUN_ERROR",
      "TEXT_MESSAGE_START",
      "TEXT_MESSAGE_CONTENT",
      "TEXT_MESSAGE_CONTENT",
      "TEXT_MESSAGE_END",
      "TEXT_MESSAGE_CHUNK",
      "TOOL_CALL_START",
      "TOOL_CALL_ARGS",
      "TOOL_CALL_ARGS",
      "TOOL_CALL_END",
      "TOOL_CALL_CHUNK",
      "TOOL_CALL_RESULT",
      "REASONING_START",
      "REASONING_MESSAGE_CONTENT",
      "REASONING_END",
      "STEP_STARTED",
      "STEP_FINISHED",
      "STATE_SNAPSHOT",
      "STATE_DELTA",
      "MESSAGES_SNAPSHOT",
      "SUBAGENT_STARTED",
      "SUBAGENT_FINISHED",
      "CUSTOM",
      "RAW",
    ),
    runId: id,
    threadId: id,
    messageId: id,
    toolCallId: id,
    subagentRunId: id,
    stepName: id,
    toolCallName: anyText,
    role: fc.constantFrom("assistant", "user", "tool", "reasoning"),
    content: anyText,
    messages: fc.array(snapshotMessage, { maxLength: 3 }),
    snapshot: jsonWith(["a", "b"]),
    message: anyText,
    metadata: jsonWith(["a", "b"]),
    timestamp: fc.constantFrom<unknown>(1, 1.5, null, "", "2024-01-01T00:00:00Z"),
  },
  { requiredKeys: ["type", "messageId", "toolCallId"] },
);
const delta = fc.oneof({ weight: 4, arbitrary: anyText }, { weight: 1, arbitrary: patch });

const withDelta = fc
  .tuple(agentEvent, fc.option(delta, { freq: 6 }))
  .map(([one, text]) => (text === null ? one : { ...one, delta: text }));

const texts = fc.array(anyText, { minLength: 2, maxLength: 6 });
const many = { minLength: 1, maxLength: 4 };

/** Events that differ in their delta alone, as a model streams them. */
const streamed = fc
  .record({
    first: fc.record(
      {
        type: fc.constantFrom(
          "TEXT_MESSAGE_CONTENT",
          "TEXT_MESSAGE_CHUNK",
          "TOOL_CALL_ARGS",
          "REASONING_MESSAGE_CONTENT",
        ),
        messageId: id,
        toolCallId: id,
        metadata: jsonWith(["a", "b"]),
        timestamp: fc.constant(1),
      },
      { requiredKeys: ["type", "messageId", "toolCallId"] },
    ),
    texts,
  })
  .map(({ first, texts: deltas }) => deltas.map((text) => ({ ...first, delta: text })));

/** A state, and what becomes of it. */
const changed = fc
  .tuple(jsonWith(["a", "b"]), fc.array(patch, many))
  .map(([snapshot, patches]) => [
    { type: "STATE_SNAPSHOT", snapshot },
    ...patches.map((one) => ({ type: "STATE_DELTA", delta: one })),
  ]);

const single = fc
  .oneof({ weight: 6, arbitrary: withDelta }, { weight: 1, arbitrary: event })
  .filter((value) => typeof value === "object" && value !== null && !Array.isArray(value))
  .map((value) => [value]);

/** Spaces as JSON has them between its tokens. */
const space = fc.constantFrom("", "", "", " ", "\t");

/** Lines of a log, each a JSON object, without their LF. */
export const logLines: fc.Arbitrary<string[]> = fc
  .array(
    fc.tuple(
      space,
      fc.oneof(
        { weight: 4, arbitrary: single },
        { weight: 2, arbitrary: streamed },
        { weight: 1, arbitrary: changed },
      ),
    ),
    { maxLength: 20 },
  )
  .map((groups) =>
    groups.flatMap(([gap, events]) => events.map((one) => `${gap}${JSON.stringify(one)}${gap}`)),
  );

/** Lines as the bytes of a log. */
export function bytesOfLines(lines: readonly string[]): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(lines.map((line) => `${line}\n`).join(""));
}
