import { HttpAgent, type Message } from "@ag-ui/client";
import { expect, it, vi } from "vitest";
import { createMemoryLogStore } from "../../adapters/memory/index.ts";
import { tell } from "../contract/session-routes/harness.ts";
import { listenTestServer } from "../support/test-server.ts";

// clients say what they think of a stream, for each event of it
for (const method of ["warn", "error"] as const)
  vi.spyOn(console, method).mockImplementation(() => {});

const CALL = "pyd_ai_00000000000000000000000000000003";

/**
 * A run in the form that pydantic-ai's own tests expect of its AG-UI adapter (`tests/test_ag_ui.py`): types, members and
 * their order; texts are another's. Thinking is in the events of before AG-UI 1.0.
 */
const run = (threadId: string, runId: string): readonly object[] => [
  { type: "RUN_STARTED", threadId, runId },
  { type: "THINKING_START" },
  { type: "THINKING_TEXT_MESSAGE_START" },
  { type: "THINKING_TEXT_MESSAGE_CONTENT", delta: "Which city " },
  { type: "THINKING_TEXT_MESSAGE_CONTENT", delta: "is meant?" },
  { type: "THINKING_TEXT_MESSAGE_END" },
  { type: "THINKING_END" },
  {
    type: "TOOL_CALL_START",
    toolCallId: CALL,
    toolCallName: "weather",
    parentMessageId: "0b6a52d9-3f0e-4b0b-9a53-9be1f3a1c001",
  },
  { type: "TOOL_CALL_ARGS", toolCallId: CALL, delta: '{"city":"' },
  { type: "TOOL_CALL_ARGS", toolCallId: CALL, delta: 'Oslo"}' },
  { type: "TOOL_CALL_END", toolCallId: CALL },
  {
    type: "TOOL_CALL_RESULT",
    messageId: "0b6a52d9-3f0e-4b0b-9a53-9be1f3a1c002",
    toolCallId: CALL,
    content: "12 degrees in Oslo",
    role: "tool",
  },
  { type: "STATE_SNAPSHOT", snapshot: { key: "value" } },
  { type: "CUSTOM", name: "custom_event1", value: { key1: "value1" } },
  {
    type: "TEXT_MESSAGE_START",
    messageId: "0b6a52d9-3f0e-4b0b-9a53-9be1f3a1c003",
    role: "assistant",
  },
  {
    type: "TEXT_MESSAGE_CONTENT",
    messageId: "0b6a52d9-3f0e-4b0b-9a53-9be1f3a1c003",
    delta: "It is 12 degrees",
  },
  {
    type: "TEXT_MESSAGE_CONTENT",
    messageId: "0b6a52d9-3f0e-4b0b-9a53-9be1f3a1c003",
    delta: " in Oslo.",
  },
  { type: "TEXT_MESSAGE_END", messageId: "0b6a52d9-3f0e-4b0b-9a53-9be1f3a1c003" },
  { type: "RUN_FINISHED", threadId, runId },
];

it("a stream of pydantic-ai's form reaches clients whole: live, by connect, and as a snapshot", async () => {
  const server = await listenTestServer({ store: createMemoryLogStore() });
  const threadId = "hello";
  server.runner.script(({ request, ...exchange }) => {
    const input = JSON.parse(new TextDecoder().decode(request.body)) as Record<string, string>;
    // it validates its input, and takes none without these
    for (const member of ["messages", "tools", "context", "forwardedProps", "state"])
      expect(input).toHaveProperty(member);
    const events = run(input["threadId"] ?? "", input["runId"] ?? "");
    const frames = events.map((event) => JSON.stringify(event));
    return tell({ request, ...exchange }, frames);
  });
  const session = `${server.origin}/api/projects/p1/agentic-sessions/${threadId}`;
  const client = new HttpAgent({ url: `${session}/agui/run`, threadId });
  client.addMessage({ id: "u", role: "user", content: "What is the weather in Oslo?" });
  await client.runAgent();
  const said = (messages: readonly Message[]): unknown[] =>
    messages.map((message) => ({
      role: message.role,
      content: message.content,
      ...(message.role === "assistant" &&
        message.toolCalls && {
          calls: message.toolCalls.map((call) => [
            call.id,
            call.function.name,
            call.function.arguments,
          ]),
        }),
    }));
  const expected = [
    { role: "user", content: "What is the weather in Oslo?" },
    { role: "reasoning", content: "Which city is meant?" },
    { role: "assistant", content: undefined, calls: [[CALL, "weather", '{"city":"Oslo"}']] },
    { role: "tool", content: "12 degrees in Oslo" },
    { role: "assistant", content: "It is 12 degrees in Oslo." },
  ];
  expect(said(client.messages)).toEqual(expected);
  expect(client.state).toEqual({ key: "value" });
  for (const view of ["", "?view=raw", "?view=snapshot"]) {
    const viewer = new HttpAgent({ url: `${session}/agui/connect${view}`, threadId });
    await viewer.runAgent();
    expect(viewer.messages, view).toEqual(client.messages);
    expect(viewer.state, view).toEqual(client.state);
  }
  await server.dispose();
});
