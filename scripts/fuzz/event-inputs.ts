import * as fc from "fast-check";

/** Text where an id or a name is expected: ids that meet again, and what is no id to anybody. */
const hostileId = fc.oneof(
  { weight: 12, arbitrary: fc.constantFrom("a", "b", "c") },
  {
    weight: 2,
    arbitrary: fc.constantFrom("", "__proto__", "constructor", "toString", "\ud800", "\0", "a\nb"),
  },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: 400 }).map((length) => "i".repeat(length)) },
);

/** JSON text of one value, so that numbers, doubled names and depth come as they are written. */
const number = fc.constantFrom(
  "0",
  "-0",
  "1",
  "1.10",
  "1E5",
  "1e400",
  "2512292042121000001",
  "-1e-9",
);
const scalar = fc.oneof(
  number,
  fc.constantFrom("null", "true", "false", '""', '"a"', String.raw`"\ud800"`, '"__proto__"'),
  hostileId.map((text) => JSON.stringify(text)),
);
const memberName = fc.constantFrom(
  "id",
  "role",
  "content",
  "type",
  "text",
  "source",
  "value",
  "mimeType",
  "metadata",
  "__proto__",
  "constructor",
  "toString",
  "0",
);
const anyValue = fc.letrec<{ value: string }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3, depthSize: "small" },
    scalar,
    fc.array(tie("value"), { maxLength: 3 }).map((values) => `[${values.join()}]`),
    fc
      .array(fc.tuple(memberName, tie("value")), { maxLength: 4 })
      .map((members) => `{${members.map(([name, value]) => `"${name}":${value}`).join()}}`),
  ),
})).value;
const deep = fc
  .tuple(fc.constantFrom(["[", "]"], ['{"a":', "}"]), fc.integer({ min: 50, max: 900 }))
  .map(([[open = "", close = ""], depth]) => `${open.repeat(depth)}1${close.repeat(depth)}`);
const json = fc.oneof(
  { weight: 20, arbitrary: anyValue },
  { weight: 1, arbitrary: deep },
  { weight: 1, arbitrary: fc.constant(JSON.stringify("x".repeat(70_000))) },
);

const quotedId = hostileId.map((id) => JSON.stringify(id));
const role = fc.constantFrom(
  "user",
  "assistant",
  "tool",
  "system",
  "developer",
  "reasoning",
  "activity",
);

function object(members: Readonly<Record<string, fc.Arbitrary<string>>>): fc.Arbitrary<string> {
  const names = Object.keys(members);
  return fc
    .tuple(
      fc.record(members, { requiredKeys: names.slice(0, 1) }),
      fc.option(fc.tuple(fc.constantFrom(...names), json), { freq: 12 }),
    )
    .map(([given, extra]) => {
      // now and then a member is anything at all, and given twice
      const pairs: [string, string][] = [...Object.entries(given), ...(extra ? [extra] : [])];
      return `{${pairs.map(([name, value]) => `"${name}":${value}`).join()}}`;
    });
}

const call = object({
  id: quotedId,
  type: fc.constant('"function"'),
  function: object({ name: quotedId, arguments: fc.constantFrom('"{}"', '""', "{}", "1.0") }),
  metadata: json,
  encryptedValue: quotedId,
  encryptedValueType: quotedId,
});
const part = object({
  type: fc.constantFrom("text", "image", "binary", "x").map((type) => JSON.stringify(type)),
  text: quotedId,
  source: object({
    type: fc.constantFrom('"url"', '"data"', '"file"'),
    value: quotedId,
    mimeType: quotedId,
  }),
  mimeType: fc.constantFrom('"image/png"', '"x"', "1"),
  data: quotedId,
  url: quotedId,
});
const content = fc.oneof(
  { weight: 4, arbitrary: quotedId },
  { weight: 2, arbitrary: json },
  { weight: 1, arbitrary: fc.array(part, { maxLength: 3 }).map((parts) => `[${parts.join()}]`) },
);
const message = object({
  id: quotedId,
  role: role.map((name) => JSON.stringify(name)),
  content,
  toolCalls: fc.array(call, { maxLength: 3 }).map((calls) => `[${calls.join()}]`),
  toolCallId: quotedId,
  activityType: quotedId,
  metadata: json,
  name: quotedId,
  subagentRunId: quotedId,
  error: quotedId,
});
const messages = fc.array(message, { maxLength: 5 }).map((list) => `[${list.join()}]`);

const pointer = fc
  .array(
    fc.constantFrom(
      "a",
      "b",
      "0",
      "-",
      "01",
      "~1",
      "~0",
      "~2",
      "__proto__",
      "content",
      "x".repeat(2_000),
    ),
    {
      maxLength: 4,
    },
  )
  .map((parts) => JSON.stringify(parts.map((name) => `/${name}`).join("")));
const patch = fc
  .array(
    object({
      op: fc
        .constantFrom("add", "replace", "remove", "move", "copy", "test", "inc")
        .map((op) => JSON.stringify(op)),
      path: pointer,
      from: pointer,
      value: json,
    }),
    { maxLength: 4 },
  )
  .map((operations) => `[${operations.join()}]`);

const TYPES = [
  "RUN_STARTED",
  "RUN_STARTED",
  "RUN_FINISHED",
  "RUN_FINISHED",
  "RUN_ERROR",
  "STEP_STARTED",
  "STEP_FINISHED",
  "TEXT_MESSAGE_START",
  "TEXT_MESSAGE_CONTENT",
  "TEXT_MESSAGE_END",
  "TEXT_MESSAGE_CHUNK",
  "TOOL_CALL_START",
  "TOOL_CALL_ARGS",
  "TOOL_CALL_END",
  "TOOL_CALL_CHUNK",
  "TOOL_CALL_RESULT",
  "REASONING_START",
  "REASONING_END",
  "REASONING_MESSAGE_START",
  "REASONING_MESSAGE_CONTENT",
  "REASONING_MESSAGE_END",
  "REASONING_MESSAGE_CHUNK",
  "REASONING_ENCRYPTED_VALUE",
  "THINKING_START",
  "THINKING_END",
  "THINKING_TEXT_MESSAGE_START",
  "THINKING_TEXT_MESSAGE_CONTENT",
  "THINKING_TEXT_MESSAGE_END",
  "STATE_SNAPSHOT",
  "STATE_DELTA",
  "MESSAGES_SNAPSHOT",
  "MESSAGES_SNAPSHOT",
  "ACTIVITY_SNAPSHOT",
  "ACTIVITY_DELTA",
  "SUBAGENT_STARTED",
  "SUBAGENT_FINISHED",
  "SUBAGENT_ERROR",
  "RAW",
  "CUSTOM",
  "META",
  "toString",
  "",
];

/** Types whose `delta`, or `patch`, is a list of operations. */
const PATCHED: ReadonlySet<string> = new Set(["STATE_DELTA", "ACTIVITY_DELTA"]);

const members = {
  runId: quotedId,
  threadId: quotedId,
  messageId: quotedId,
  toolCallId: quotedId,
  toolCallName: quotedId,
  parentMessageId: quotedId,
  subagentRunId: quotedId,
  parentSubagentRunId: quotedId,
  stepName: quotedId,
  name: quotedId,
  role: role.map((one) => JSON.stringify(one)),
  delta: quotedId,
  content,
  activityType: quotedId,
  replace: fc.constantFrom("true", "false", "0"),
  messages,
  snapshot: json,
  patch,
  message: quotedId,
  code: quotedId,
  value: json,
  event: json,
  source: quotedId,
  subtype: fc.constantFrom('"tool-call"', '"message"', '"x"'),
  entityId: quotedId,
  encryptedValue: quotedId,
  encryptedValueType: quotedId,
  outcome: json,
  result: json,
  usage: json,
  input: object({
    messages,
    threadId: quotedId,
    runId: quotedId,
    tools: json,
    context: json,
    state: json,
  }),
  metadata: json,
  rawEvent: json,
  timestamp: fc.constantFrom("1", "1.5", "1E3", "null", '"2026-01-01T00:00:00Z"', "1e400", "{}"),
};

/** One event of any type with members of any, most of them of the kind that the type wants. */
const event: fc.Arbitrary<string> = fc
  .tuple(
    fc.constantFrom(...TYPES),
    fc.record(members, {
      requiredKeys: [
        "messageId",
        "toolCallId",
        "toolCallName",
        "delta",
        "stepName",
        "snapshot",
        "messages",
      ],
    }),
    patch,
    fc.option(fc.tuple(fc.constantFrom(...Object.keys(members)), json), { freq: 15 }),
  )
  .map(([type, given, operations, extra]) => {
    const own = PATCHED.has(type) ? { ...given, delta: operations, patch: operations } : given;
    // messages are of their own type alone, or every line would be long
    const isWanted = (name: string): boolean => name !== "messages" || type === "MESSAGES_SNAPSHOT";
    const pairs = Object.entries({ type: JSON.stringify(type), ...own });
    const texts = [...pairs, ...(extra ? [extra] : [])].filter(([name]) => isWanted(name));
    return `{${texts.map(([name, text]) => `"${name}":${text}`).join()}}`;
  });

/** Logs of any events, as JSON text. Runs begin more often than by chance. */
export const anyEvents: fc.Arbitrary<string[]> = fc.array(event, { maxLength: 30, size: "max" });
