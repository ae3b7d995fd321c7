type Event = Record<string, unknown>;

const ids = (runId: string): Event => ({ threadId: "s1", runId });
const toolCall = (id: string): Event => ({
  id,
  type: "function",
  function: { name: "f", arguments: "" },
});
const withCall = (id: string, callId: string): Event => ({
  id,
  role: "assistant",
  toolCalls: [toolCall(callId)],
});
const call = (toolCallId: string): Event => ({
  type: "TOOL_CALL_START",
  toolCallId,
  toolCallName: "f",
});
const text = (id: string, role = "assistant"): Event => ({ id, role, content: "" });
const begun = (messageId: string): Event => ({
  type: "TEXT_MESSAGE_START",
  messageId,
  role: "assistant",
});
const result = (id: string, toolCallId: string): Event => ({
  id,
  role: "tool",
  toolCallId,
  content: "",
});
const snapshot = (...messages: Event[]): Event => ({ type: "MESSAGES_SNAPSHOT", messages });
const started = (runId: string, ...messages: Event[]): Event => ({
  type: "RUN_STARTED",
  ...ids(runId),
  input: { ...ids(runId), messages },
});
const finished = (runId: string): Event => ({ type: "RUN_FINISHED", ...ids(runId) });

/** Logs that random search has found to be told wrongly once to clients of 1.0. */
export const FOUND_LOGS = linesOf([
  // a snapshot has the call that is open twice in one message
  [
    started("r0"),
    call("t0"),
    snapshot({ ...withCall("p1", "t0"), toolCalls: [toolCall("t0"), toolCall("t0")] }),
    finished("r0"),
  ],
  // a snapshot takes the call away that is open, and another of its id begins
  [
    started("r0", withCall("p1", "t0")),
    call("t0"),
    snapshot(withCall("p1", "t1")),
    call("t0"),
    finished("r0"),
    started("r1", { id: "x0", role: "tool", toolCallId: "t0", content: "" }),
    finished("r1"),
  ],
  // a snapshot takes the call away that is open, and a snapshot of the session is sent then
  [
    started("r0", withCall("p0", "t1")),
    finished("r0"),
    started("r1"),
    { type: "TOOL_CALL_ARGS", toolCallId: "t1", delta: "" },
    snapshot(withCall("p0", "t0")),
    finished("r1"),
  ],
  // what a snapshot has told is the agent's own, and a subagent calls from there
  [
    started("r0"),
    { ...call("t0"), parentMessageId: "m0" },
    { ...call("t1"), parentMessageId: "m0", subagentRunId: "s" },
  ],
  // a snapshot takes a call away whose start was told, and a subagent begins another of its id
  [
    started("r0"),
    { ...call("t0"), parentMessageId: "m0" },
    snapshot({ id: "m0", role: "assistant", content: "" }),
    { ...call("t0"), subagentRunId: "s" },
    finished("r0"),
    started("r1"),
    finished("r1"),
  ],
  // a snapshot takes a call of the agent's own away, and a subagent begins another of its id
  [
    started("r0", withCall("p0", "t1")),
    finished("r0"),
    started("r1"),
    snapshot(withCall("p0", "t0")),
    { ...call("t1"), subagentRunId: "s" },
    { type: "TOOL_CALL_ARGS", toolCallId: "t1", delta: "a", subagentRunId: "s" },
  ],
  // a subagent has opened again what is the agent's own
  [
    started("r0", { id: "m0", role: "assistant", content: "a" }),
    started("r1"),
    { type: "TEXT_MESSAGE_START", messageId: "m0", role: "assistant", subagentRunId: "s" },
    { type: "TEXT_MESSAGE_CONTENT", messageId: "m0", delta: "b", subagentRunId: "s" },
  ],
  // a call that is open has got another name
  [
    started("r0"),
    call("t0"),
    { ...call("t0"), toolCallName: "g" },
    { type: "TOOL_CALL_ARGS", toolCallId: "t0", delta: "{}" },
  ],
  // what the caller of a run said comes first, also when that run never begins
  [
    { ...snapshot({ id: "u0", role: "user", content: "a" }), ...ids("r0") },
    { type: "TEXT_MESSAGE_START", messageId: "m0", role: "assistant" },
  ],
  // a call that a snapshot took away comes again as another's, and then a message between runs
  [
    started("r0", withCall("p0", "t2")),
    snapshot(withCall("p0", "t0")),
    { ...call("t2"), subagentRunId: "s" },
    finished("r0"),
    snapshot({ id: "m0", role: "assistant", content: "" }),
  ],
  // parts say more than what they consist of
  [
    started("r0", {
      id: "u0",
      role: "user",
      content: [
        { type: "text", id: "p0", text: "a", metadata: { b: null } },
        { type: "image", source: { type: "url", value: "https://c/d" }, metadata: { e: 1 } },
      ],
    }),
  ],
  // of a thought and an answer of one id a snapshot takes the answer away
  [
    started("r0"),
    snapshot(text("m0", "reasoning"), text("m0")),
    { type: "REASONING_MESSAGE_START", messageId: "g0", role: "reasoning" },
    snapshot(withCall("p0", "t0")),
    finished("r0"),
    started("r1"),
    finished("r1"),
  ],
  // of two results of one id the first is said again
  [
    started("r0"),
    snapshot(result("x1", "t1"), result("x1", "t0")),
    { type: "TOOL_CALL_RESULT", messageId: "x1", toolCallId: "t1", content: "" },
    finished("r0"),
  ],
  // a call whose start came before its run is begun again, in a message of another owner
  [
    { ...call("t1"), subagentRunId: "s" },
    started("r0"),
    snapshot(text("m0")),
    { ...call("t1"), parentMessageId: "m0" },
    finished("r0"),
  ],
  // a subagent's call has the id of a message, which gets no owner by that
  [
    started("r0", withCall("m0", "t0")),
    begun("t0"),
    snapshot(text("m0")),
    { ...call("t0"), subagentRunId: "s" },
    finished("r0"),
  ],
  // a message that a snapshot took away is begun again by a subagent
  [
    started("r0"),
    begun("m1"),
    snapshot(text("u0", "user")),
    { ...begun("m1"), subagentRunId: "s" },
    finished("r0"),
  ],
  // a run's call has the id of an earlier run's message, which stays where a snapshot replaces the call
  [
    started("r0"),
    begun("t0"),
    finished("r0"),
    started("r1"),
    call("t0"),
    snapshot(text("g0")),
    finished("r1"),
  ],
]);

/** The same to clients from 0.0.57 on, before 1.0. */
export const FOUND_OLDER_LOGS = linesOf([
  // beside an activity, what a snapshot took away comes again from the next run's caller
  [
    started("r0"),
    begun("m0"),
    { type: "ACTIVITY_SNAPSHOT", messageId: "a0", activityType: "plan", content: { a: 0 } },
    snapshot(text("m2")),
    finished("r0"),
    { ...snapshot(text("m0")), ...ids("r1") },
    started("r1"),
    finished("r1"),
  ],
]);

function linesOf(logs: readonly (readonly Event[])[]): readonly (readonly string[])[] {
  return logs.map((events) => events.map((event) => JSON.stringify(event)));
}
