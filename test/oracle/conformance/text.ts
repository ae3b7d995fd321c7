import {
  accepted,
  answer,
  type Case,
  call,
  called,
  event,
  type Event,
  type RefusedCase,
  refused,
  run,
  text,
} from "./stream.ts";

const chunk = (members: Record<string, unknown>): Event => event("TEXT_MESSAGE_CHUNK", members);
const callChunk = (members: Record<string, unknown>): Event => event("TOOL_CALL_CHUNK", members);

/** Texts and calls, streamed whole or in chunks. */
export const ACCEPTED_TEXTS: readonly Case[] = [
  accepted("a text in two deltas", run(...text("m1", "Owls ", "listen.")), {
    messages: [answer("m1", "Owls listen.")],
  }),
  accepted(
    "text of several scripts",
    run(...text("m1", "Добрый ", "день, ", "שלום ", "梟は聞く")),
    {
      messages: [answer("m1", "Добрый день, שלום 梟は聞く")],
    },
  ),
  accepted("a mark apart from its letter", run(...text("m1", "Zu", "\u0308", "rich")), {
    messages: [answer("m1", "Zu\u0308rich")],
  }),
  accepted(
    "a joiner apart from what it joins",
    run(...text("m1", "\u{1f469}", "\u200d\u{1f33e}")),
    {
      messages: [answer("m1", "\u{1f469}\u200d\u{1f33e}")],
    },
  ),
  accepted("halves of one character in two deltas", run(...text("m1", "\ud83e", "\udd89")), {
    messages: [answer("m1", "\u{1f989}")],
  }),
  accepted(
    "a text that is opened again",
    run(...text("m1", "One wing,"), ...text("m1", " two wings")),
    { messages: [answer("m1", "One wing, two wings")] },
  ),
  accepted(
    "chunks, of which only the first says its id",
    run(chunk({ messageId: "m1", role: "assistant", delta: "Owls " }), chunk({ delta: "hunt." })),
    { messages: [answer("m1", "Owls hunt.")] },
  ),
  accepted(
    "chunks around an event of a provider",
    run(
      chunk({ messageId: "m1", role: "assistant", delta: "left " }),
      event("RAW", { event: { beat: 4 } }),
      chunk({ delta: "right" }),
    ),
    { messages: [answer("m1", "left right")] },
    [event("RAW", { event: { beat: 4 } })],
  ),
  accepted(
    "chunks of a call that say its name each",
    run(
      ...text("m1", "Looking."),
      callChunk({ toolCallId: "c1", toolCallName: "look", parentMessageId: "m1", delta: '{"at"' }),
      callChunk({ toolCallId: "c1", toolCallName: "look", parentMessageId: "m1", delta: ":3}" }),
    ),
    { messages: [answer("m1", "Looking.", { toolCalls: [called("c1", '{"at":3}')] })] },
  ),
  accepted(
    "a call after the text that makes it",
    run(...text("m1", "I look."), ...call("c1", "m1", '{"far":', "true}")),
    { messages: [answer("m1", "I look.", { toolCalls: [called("c1", '{"far":true}')] })] },
  ),
  accepted(
    "events that only programs know",
    run(
      ...text("m1", "to", " and fro").toSpliced(2, 0, event("RAW", { event: 1, source: "clock" })),
      event("CUSTOM", { name: "owl.hoot", value: [2] }),
    ),
    { messages: [answer("m1", "to and fro")] },
    [
      event("RAW", { event: 1, source: "clock" }),
      event("CUSTOM", { name: "owl.hoot", value: [2] }),
    ],
  ),
];

export const REFUSED_TEXTS: readonly RefusedCase[] = [
  refused(
    "a delta of no text",
    run(event("TEXT_MESSAGE_CONTENT", { messageId: "m1", delta: "whose?" })),
    "No active text message",
  ),
  refused(
    "a chunk of another role than the one before",
    run(
      chunk({ messageId: "m1", role: "user", delta: "I ask" }),
      chunk({ messageId: "m1", role: "assistant", delta: " myself" }),
    ),
    "does not match the open stream's role",
    { messages: [{ id: "m1", role: "user", content: "I ask myself" }] },
  ),
  refused(
    "a chunk that renames its call",
    run(
      callChunk({ toolCallId: "c1", toolCallName: "look", parentMessageId: "m1", delta: "[" }),
      callChunk({ toolCallId: "c1", toolCallName: "leap", delta: "]" }),
    ),
    "does not match the open stream's toolCallName",
    { messages: [{ id: "m1", role: "assistant", toolCalls: [called("c1", "[]")] }] },
  ),
  refused(
    "a chunk without an id, after an event that ends the text",
    run(
      chunk({ messageId: "m1", role: "assistant", delta: "left" }),
      event("CUSTOM", { name: "owl.turn", value: 1 }),
      chunk({ delta: "right" }),
    ),
    "must have a messageId",
    { messages: [answer("m1", "left")] },
  ),
  refused("a first chunk without an id", run(chunk({ delta: "who?" })), "must have a messageId"),
  refused(
    "a first chunk of a call that has no name",
    run(callChunk({ toolCallId: "c1", delta: "{}" })),
    "must have a toolCallName",
  ),
];
