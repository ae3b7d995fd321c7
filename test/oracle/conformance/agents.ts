import {
  accepted,
  answer,
  by,
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

const thought = (...deltas: readonly string[]): Event[] => [
  event("REASONING_MESSAGE_START", { messageId: "h1", role: "reasoning" }),
  ...deltas.map((delta) => event("REASONING_MESSAGE_CONTENT", { messageId: "h1", delta })),
  event("REASONING_MESSAGE_END", { messageId: "h1" }),
];
const begun = event("SUBAGENT_STARTED", { subagentRunId: "s", name: "scout" });
const done = event("SUBAGENT_FINISHED", { subagentRunId: "s" });

/** Reasoning and subagents. */
export const ACCEPTED_AGENTS: readonly Case[] = [
  accepted(
    "reasoning within its phase, before an answer",
    run(
      event("REASONING_START", { messageId: "p1" }),
      ...thought("left or ", "right"),
      event("REASONING_END", { messageId: "p1" }),
      ...text("m1", "Right."),
    ),
    {
      messages: [{ id: "h1", role: "reasoning", content: "left or right" }, answer("m1", "Right.")],
    },
  ),
  accepted(
    "a sealed value of nothing that is known",
    run(
      ...text("m1", "Right."),
      event("REASONING_ENCRYPTED_VALUE", {
        subtype: "message",
        entityId: "nobody",
        encryptedValue: "c2VhbGVk",
      }),
    ),
    { messages: [answer("m1", "Right.")] },
  ),
  accepted("a subagent with nothing to say", run(begun, done), {}, [begun, done]),
  accepted(
    "a subagent and its text",
    run(begun, ...by("s", text("m1", "A barn.")), done),
    { messages: [answer("m1", "A barn.", { subagentRunId: "s" })] },
    [begun, done],
  ),
  accepted(
    "a text of a subagent that nobody announced, whose deltas do not all say so",
    run(
      ...text("m1", "A barn", ", far off").map((said, at) =>
        at === 2 ? said : { ...said, subagentRunId: "s" },
      ),
    ),
    { messages: [answer("m1", "A barn, far off", { subagentRunId: "s" })] },
  ),
  accepted(
    "chunks that the end of their subagent ends",
    run(
      begun,
      ...by("s", [
        event("TEXT_MESSAGE_CHUNK", { messageId: "m1", role: "assistant", delta: "A " }),
        event("TEXT_MESSAGE_CHUNK", { delta: "barn." }),
      ]),
      done,
    ),
    { messages: [answer("m1", "A barn.", { subagentRunId: "s" })] },
    [begun, event("TEXT_MESSAGE_END", { messageId: "m1" }), done],
  ),
];

export const REFUSED_AGENTS: readonly RefusedCase[] = [
  refused(
    "a delta of no reasoning",
    run(
      event("REASONING_MESSAGE_CONTENT", { messageId: "h1", delta: "hm" }),
      ...text("m1", "Right."),
    ),
    "No active reasoning message",
    { messages: [answer("m1", "Right.")] },
  ),
  refused(
    "reasoning in another role",
    run(
      event("REASONING_MESSAGE_START", { messageId: "h1", role: "assistant" }),
      ...thought("hm").slice(1),
    ),
    "role",
    { messages: [{ id: "h1", role: "reasoning", content: "hm" }] },
  ),
  refused(
    "a subagent that is at work at the end of its run",
    run(begun, ...by("s", text("m1", "A barn."))),
    "subagent",
    { messages: [answer("m1", "A barn.", { subagentRunId: "s" })] },
    [begun, done],
  ),
  refused(
    "a call whose end says another subagent than its start",
    run(
      ...call("c1", "m1", "{}").map((said, at) =>
        at === 1 ? said : { ...said, subagentRunId: at === 0 ? "s" : "z" },
      ),
    ),
    "does not match",
    {
      messages: [
        { id: "m1", role: "assistant", toolCalls: [called("c1", "{}")], subagentRunId: "s" },
      ],
    },
  ),
  refused(
    "a retired thought that nobody began",
    run(event("THINKING_TEXT_MESSAGE_CONTENT", { delta: "hm" })),
    "No active reasoning message",
  ),
  refused("a subagent that ends without having begun", run(done), "subagent"),
  refused("a subagent without a name", run({ ...begun, name: undefined }, done), "name"),
];

/** Reasoning by names that 1.0 retired. A client makes ids up for it, the profile has them from the run's. */
export const RETIRED_REASONING: Case = accepted(
  "thoughts without ids",
  run(
    event("THINKING_START", { title: "At a fork" }),
    event("THINKING_TEXT_MESSAGE_START"),
    event("THINKING_TEXT_MESSAGE_CONTENT", { delta: "left or " }),
    event("THINKING_TEXT_MESSAGE_CONTENT", { delta: "right" }),
    event("THINKING_TEXT_MESSAGE_END"),
    event("THINKING_TEXT_MESSAGE_START"),
    event("THINKING_TEXT_MESSAGE_CONTENT", { delta: "or back" }),
    event("THINKING_TEXT_MESSAGE_END"),
    event("THINKING_END"),
    ...text("m1", "Right."),
  ),
  {
    messages: [
      { id: "r1-thinking-2", role: "reasoning", content: "left or right" },
      { id: "r1-thinking-3", role: "reasoning", content: "or back" },
      answer("m1", "Right."),
    ],
  },
);
