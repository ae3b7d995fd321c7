import { describe, expect, it } from "vitest";
import type { AgUiEvent } from "../../../src/client/index.ts";
import type { Item, MessageItem } from "../../../src/ui/conversation/items.ts";
import { pushEvent } from "../../../src/ui/conversation/push-event.ts";
import { Transcript } from "../../../src/ui/conversation/transcript.ts";

function transcriptOf(...events: readonly AgUiEvent[]): Transcript {
  const transcript = new Transcript();
  for (const event of events) pushEvent(transcript, event);
  return transcript;
}

const messagesOf = ({ items }: Transcript): MessageItem[] =>
  items.filter((item): item is MessageItem => item.kind === "message");
const kinds = ({ items }: Transcript): string[] => items.map(({ kind }: Item) => kind);

const STARTED = { type: "RUN_STARTED", runId: "r", threadId: "t", timestamp: 1_000 };
const FINISHED = { type: "RUN_FINISHED", runId: "r", threadId: "t", timestamp: 3_500 };
const delta = (messageId: string, text: string): AgUiEvent => ({
  type: "TEXT_MESSAGE_CONTENT",
  messageId,
  delta: text,
});

describe("a conversation", () => {
  it("has what was streamed, as far as it has come, and how its run ended", () => {
    const transcript = transcriptOf(
      STARTED,
      { type: "TEXT_MESSAGE_START", messageId: "a", role: "assistant" },
      delta("a", "Good "),
    );
    expect(messagesOf(transcript)).toMatchObject([{ id: "a", text: "Good ", isOpen: true }]);
    expect([...transcript.openRuns.keys()]).toEqual(["r"]);
    pushEvent(transcript, delta("a", "morning"));
    pushEvent(transcript, FINISHED);
    expect(messagesOf(transcript)).toMatchObject([{ text: "Good morning", isOpen: false }]);
    expect(transcript.items.at(-1)).toMatchObject({
      kind: "run-end",
      status: "finished",
      ms: 2_500,
    });
  });

  it("begins in the middle where its events do", () => {
    const transcript = transcriptOf(delta("a", "the end"), FINISHED);
    expect(messagesOf(transcript)).toMatchObject([{ id: "a", text: "the end" }]);
  });

  it("has calls with the message that made them, and results with their calls, whichever comes first", () => {
    const transcript = transcriptOf(
      STARTED,
      { type: "TEXT_MESSAGE_CHUNK", messageId: "a", role: "assistant", delta: "Look:" },
      { type: "TOOL_CALL_RESULT", toolCallId: "c2", content: "early" },
      { type: "TOOL_CALL_START", toolCallId: "c1", toolCallName: "Read", parentMessageId: "a" },
      { type: "TOOL_CALL_ARGS", toolCallId: "c1", delta: '{"path":' },
      { type: "TOOL_CALL_CHUNK", delta: '"x"}' },
      { type: "TOOL_CALL_END", toolCallId: "c1" },
      { type: "TOOL_CALL_RESULT", toolCallId: "c1", content: "file", error: "no" },
      { type: "TOOL_CALL_CHUNK", toolCallId: "c2", toolCallName: "Grep", parentMessageId: "a" },
    );
    expect(messagesOf(transcript)).toMatchObject([
      {
        id: "a",
        text: "Look:",
        calls: [
          { name: "Read", args: '{"path":"x"}', result: "file", isError: true },
          { name: "Grep", result: "early", isError: false },
        ],
      },
    ]);
  });

  it("keeps what a snapshot leaves out, and places what is new where the snapshot has it", () => {
    const transcript = transcriptOf(
      { type: "MESSAGES_SNAPSHOT", messages: [{ id: "u1", role: "user", content: "Hi" }] },
      delta("a1", "Hello"),
      {
        type: "MESSAGES_SNAPSHOT",
        messages: [
          { id: "u1", role: "user", content: "Hi" },
          { id: "x", role: "system", content: "between" },
        ],
      },
    );
    expect(messagesOf(transcript).map(({ id }) => id)).toEqual(["u1", "x", "a1"]);
  });

  it("has an answer once that its run streamed under one id and sums up under another", () => {
    const call = { id: "c", type: "function", function: { name: "Read", arguments: "{}" } };
    const transcript = transcriptOf(
      STARTED,
      delta("streamed", "Hello"),
      {
        type: "TOOL_CALL_START",
        toolCallId: "c",
        toolCallName: "Read",
        parentMessageId: "streamed",
      },
      { type: "TOOL_CALL_RESULT", messageId: "t", toolCallId: "c", content: "file" },
      {
        type: "MESSAGES_SNAPSHOT",
        messages: [
          { id: "final", role: "assistant", content: "Hello", toolCalls: [call] },
          { id: "t2", role: "tool", toolCallId: "c", content: "file" },
        ],
      },
    );
    expect(messagesOf(transcript)).toMatchObject([
      { id: "final", text: "Hello", calls: [{ name: "Read", result: "file" }] },
    ]);
  });

  it("does not show what its author asked not to show", () => {
    const transcript = transcriptOf(
      { type: "RAW", event: { type: "message_metadata", messageId: "m", hidden: true } },
      { type: "MESSAGES_SNAPSHOT", messages: [{ id: "m", role: "user", content: "secret" }] },
    );
    expect(messagesOf(transcript)).toMatchObject([{ isHidden: true }]);
  });

  it("has reasoning under its ids, and that of older clients without any", () => {
    const transcript = transcriptOf(
      STARTED,
      { type: "THINKING_TEXT_MESSAGE_START" },
      { type: "THINKING_TEXT_MESSAGE_CONTENT", delta: "One " },
      { type: "THINKING_TEXT_MESSAGE_CONTENT", delta: "thought" },
      { type: "THINKING_TEXT_MESSAGE_END" },
      { type: "REASONING_MESSAGE_CONTENT", messageId: "g", delta: "Another" },
    );
    expect(transcript.items).toMatchObject([
      { kind: "reasoning", text: "One thought", isOpen: false },
      { kind: "reasoning", text: "Another", isOpen: true },
    ]);
  });

  it.each([
    [{ type: "RUN_ERROR", message: "No", code: "c" }, "error"],
    [{ ...FINISHED, outcome: { type: "cancelled" } }, "cancelled"],
    [{ ...FINISHED, outcome: { type: "interrupt", interrupts: [{ id: "i" }] } }, "interrupted"],
  ])("says how a run ended: %j", (end, status) => {
    const transcript = transcriptOf(STARTED, end);
    expect(transcript.items.at(-1)).toMatchObject({ kind: "run-end", runId: "r", status });
    expect(transcript.openRuns.size).toBe(0);
  });

  it("shows images that it holds, and names what lies elsewhere without asking for it", () => {
    const content = [
      { type: "text", text: "See" },
      { type: "binary", mimeType: "image/png", data: "aGk=" },
      { type: "image", source: { type: "data", value: "aGk=", mimeType: "image/svg+xml" } },
      { type: "image", source: { type: "url", value: "https://elsewhere.example/a.png" } },
    ];
    const transcript = transcriptOf({
      type: "MESSAGES_SNAPSHOT",
      messages: [{ id: "m", role: "user", content }],
    });
    expect(messagesOf(transcript)).toMatchObject([
      {
        text: "See",
        parts: [
          { kind: "image", source: "data:image/png;base64,aGk=" },
          { kind: "data", what: "image/svg+xml" },
          { kind: "elsewhere", url: "https://elsewhere.example/a.png" },
        ],
      },
    ]);
  });

  it("drops its oldest items before it grows without bound", () => {
    const transcript = new Transcript();
    for (let at = 0; at < 25_000; at++) pushEvent(transcript, delta(`m${at}`, "x"));
    expect(transcript.items.length).toBeLessThanOrEqual(20_000);
    expect(messagesOf(transcript).at(-1)?.id).toBe("m24999");
    expect(transcript.isCut).toBe(true);
  });

  it("takes a type that is the name of something else for none", () => {
    const transcript = transcriptOf({ type: "toString" }, { type: "__proto__" }, { type: "" });
    expect(kinds(transcript)).toEqual([]);
  });
});

describe("questions", () => {
  const ARGS = JSON.stringify({
    questions: [{ question: "How?", header: "Fix", options: [{ label: "A" }, "B"] }],
  });
  const ASKED = [
    { type: "TOOL_CALL_START", toolCallId: "q", toolCallName: "ask_user_question" },
    { type: "TOOL_CALL_ARGS", toolCallId: "q", delta: ARGS.slice(0, 9) },
    { type: "TOOL_CALL_ARGS", toolCallId: "q", delta: ARGS.slice(9) },
    { type: "TOOL_CALL_END", toolCallId: "q" },
  ];

  it("are open from their call to its result", () => {
    const transcript = transcriptOf(STARTED, ...ASKED, FINISHED);
    expect(transcript.questions.open).toMatchObject([
      { kind: "asked", id: "q", text: "How?", options: [{ label: "A" }, { label: "B" }] },
    ]);
    pushEvent(transcript, { type: "TOOL_CALL_RESULT", toolCallId: "q", content: "A" });
    expect(transcript.questions.open).toEqual([]);
  });

  it("are those of a run's outcome, once, until another run begins", () => {
    const interrupt = { id: "i", reason: "approve", message: "Delete it?", toolCallId: "c" };
    const transcript = transcriptOf(STARTED, {
      ...FINISHED,
      outcome: { type: "interrupt", interrupts: [interrupt] },
    });
    expect(transcript.questions.open).toMatchObject([
      { kind: "interrupt", id: "i", reason: "approve", text: "Delete it?" },
    ]);
    pushEvent(transcript, { ...STARTED, runId: "r2" });
    expect(transcript.questions.open).toEqual([]);
  });

  it("are those of a CUSTOM event as well", () => {
    const transcript = transcriptOf({
      type: "CUSTOM",
      name: "on_interrupt",
      value: '{"question":"Go?"}',
    });
    expect(transcript.questions.open).toMatchObject([{ kind: "interrupt", id: "", text: "Go?" }]);
  });
});
