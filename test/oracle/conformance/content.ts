import {
  accepted,
  answer,
  type Case,
  call,
  called,
  event,
  finished,
  type RefusedCase,
  refused,
  run,
  started,
  text,
} from "./stream.ts";

const parts = [
  { type: "text", text: "One feather." },
  {
    type: "image",
    id: "p1",
    source: { type: "url", value: "https://owls.example/1.png", mimeType: "image/png" },
    metadata: { pixels: 9 },
  },
];
const callers = [
  { id: "u1", role: "user", content: parts },
  answer("m1", "Asked.", { subagentRunId: "s" }),
];
const media = [
  {
    type: "image",
    source: { type: "url", value: "https://owls.example/1.png", mimeType: "image/png" },
  },
  {
    type: "document",
    source: { type: "data", value: "b3ds", mimeType: "text/csv" },
    metadata: { filename: "owls.csv" },
  },
];
const fileParts = [
  {
    type: "document",
    source: { type: "file", value: "f-17", provider: "attic", mimeType: "text/plain" },
  },
];
const result = (content: unknown): Case["stream"] =>
  run(
    ...call("c1", "m1", "{}"),
    event("TOOL_CALL_RESULT", { messageId: "t1", toolCallId: "c1", content }),
    ...text("m2", "Here."),
  );
const resulted = (content: unknown): Case["held"]["messages"] => [
  { id: "m1", role: "assistant", toolCalls: [called("c1", "{}")] },
  { id: "t1", role: "tool", toolCallId: "c1", content },
  answer("m2", "Here."),
];

/** What messages hold besides their text, and what the standard does not know of. */
export const ACCEPTED_CONTENT: readonly Case[] = [
  accepted("a result in parts", result(parts), { messages: resulted(parts) }),
  accepted("a result that is kept by a provider", result(fileParts), {
    messages: resulted(fileParts),
  }),
  accepted(
    "metadata of each event of a text",
    run(
      event("TEXT_MESSAGE_START", {
        messageId: "m1",
        role: "assistant",
        metadata: { kept: 1, said: 1, list: [1, 2] },
      }),
      event("TEXT_MESSAGE_CONTENT", {
        messageId: "m1",
        delta: "hoo",
        metadata: { said: 2, list: [3] },
      }),
      event("TEXT_MESSAGE_END", { messageId: "m1", metadata: { last: true } }),
    ),
    { messages: [answer("m1", "hoo", { metadata: { kept: 1, said: 2, list: [3], last: true } })] },
  ),
  accepted(
    "metadata under keys of a vendor, null among it",
    run(
      event("TEXT_MESSAGE_START", {
        messageId: "m1",
        role: "assistant",
        metadata: { "nest.example/tree": "oak", "nest.example/branch": null },
      }),
      ...text("m1", "hoo").slice(1),
    ),
    {
      messages: [
        answer("m1", "hoo", {
          metadata: { "nest.example/tree": "oak", "nest.example/branch": null },
        }),
      ],
    },
  ),
  accepted(
    "metadata of a call",
    run(
      event("TOOL_CALL_START", {
        toolCallId: "c1",
        toolCallName: "look",
        parentMessageId: "m1",
        metadata: { eye: "left", tries: 1 },
      }),
      event("TOOL_CALL_ARGS", { toolCallId: "c1", delta: "{}", metadata: { size: 2 } }),
      event("TOOL_CALL_END", { toolCallId: "c1", metadata: { tries: 2 } }),
    ),
    {
      messages: [
        {
          id: "m1",
          role: "assistant",
          toolCalls: [called("c1", "{}", { metadata: { eye: "left", tries: 2, size: 2 } })],
        },
      ],
    },
  ),
  ...["MOON_ROSE", "constructor"].map((type) =>
    accepted(
      `an event of the type ${type}, which nobody knows`,
      run(...text("m1", "dusk", " to dawn").toSpliced(2, 0, event(type, { phase: 3 }))),
      { messages: [answer("m1", "dusk to dawn")] },
    ),
  ),
  accepted(
    "a member that nobody knows",
    run(
      ...text("m1", "dusk").map((said) => ({ ...said, moon: "new", toString: 1, constructor: 2 })),
    ),
    { messages: [answer("m1", "dusk")] },
  ),
  accepted(
    "an outcome that nobody knows",
    [started(), ...text("m1", "dusk"), finished("r1", { outcome: { type: "asleep" } })],
    { messages: [answer("m1", "dusk")] },
    [finished("r1", { outcome: undefined })],
  ),
  accepted(
    "a part that nobody knows, between two texts",
    run(
      event("MESSAGES_SNAPSHOT", {
        messages: [
          {
            id: "u1",
            role: "user",
            content: [
              { type: "text", text: "hear" },
              { type: "scent", source: { type: "data", value: "AA==", mimeType: "x/y" } },
              { type: "text", text: "this" },
            ],
          },
        ],
      }),
    ),
    {
      messages: [
        {
          id: "u1",
          role: "user",
          content: [
            { type: "text", text: "hear" },
            { type: "text", text: "this" },
          ],
        },
      ],
    },
  ),
  accepted(
    "messages of the caller in parts, and one that a subagent said",
    [
      started("r1", {
        input: {
          threadId: "s1",
          runId: "r1",
          messages: callers,
          tools: [],
          context: [],
        },
      }),
      finished(),
    ],
    { messages: callers },
  ),
  accepted(
    "parts as they were before there were media types",
    run(
      event("MESSAGES_SNAPSHOT", {
        messages: [
          {
            id: "u1",
            role: "user",
            content: [
              { type: "binary", mimeType: "image/png", url: "https://owls.example/1.png" },
              { type: "binary", mimeType: "text/csv", data: "b3ds", filename: "owls.csv" },
            ],
          },
        ],
      }),
    ),
    { messages: [{ id: "u1", role: "user", content: media }] },
  ),
];

export const REFUSED_CONTENT: readonly RefusedCase[] = [
  refused(
    "a delta that is a number",
    run(
      ...text("m1").toSpliced(1, 0, event("TEXT_MESSAGE_CONTENT", { messageId: "m1", delta: 7 })),
    ),
    "delta",
    { messages: [answer("m1", "")] },
  ),
  refused(
    "a role that nobody knows",
    run(
      event("TEXT_MESSAGE_START", { messageId: "m1", role: "owl" }),
      ...text("m1", "hoo").slice(1),
    ),
    "role",
    { messages: [answer("m1", "hoo")] },
  ),
  refused(
    "a list for an outcome",
    [
      started(),
      finished("r1", {
        outcome: [{ type: "interrupt", interrupts: [{ id: "i1", reason: "signature" }] }],
      }),
    ],
    "expected object, received array",
    {},
    [finished("r1", { outcome: undefined })],
  ),
];
