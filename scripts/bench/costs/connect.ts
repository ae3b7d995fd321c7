import type { Cost } from "./cost.ts";
import { compactLog, connect, type Event, serveLog } from "./served-log.ts";

const RUNS = [10_000, 100_000];
const EVENTS = [4_000, 20_000];
/** The first two tell whether twice as much takes twice as long. */
const SNAPSHOTS = [2_000, 4_000, 20_000];

/** `connect` of logs of which each part has taken longer once, the more came before it. */
export const CONNECT_COSTS: readonly Cost[] = [
  cost("short runs", "runs", RUNS, shortRuns),
  { ...cost("short runs", "runs", RUNS, shortRuns, ""), name: "connect, short runs" },
  {
    name: "connect, short runs compacted",
    of: "runs",
    sizes: RUNS,
    measure: (runs) => serveLog(shortRuns(runs), connect(""), true),
  },
  {
    name: "compaction, short runs",
    of: "runs",
    sizes: RUNS,
    measure: (runs) => compactLog(shortRuns(runs)),
  },
  cost("results under other ids", "runs", [2_000, 10_000], rekeyedRuns),
  cost("answers under other ids", "runs", [1_000, 5_000], rekeyedAnswers, ""),
  cost("answers under other ids", "runs", SNAPSHOTS, rekeyedAnswers),
  cost("roles that change", "results", EVENTS, oneRun(changedRoles), "?view=snapshot"),
  cost("roles that change", "results", SNAPSHOTS, oneRun(changedRoles)),
  cost("users' messages in a run", "messages", SNAPSHOTS, oneRun(usersMessages)),
  cost("metadata of deltas", "deltas", EVENTS, oneRun(withMetadata)),
  cost("tool calls of one message", "calls", [10_000, 60_000], oneRun(toolCalls)),
  cost("tool calls of one message", "calls", [10_000, 60_000], oneRun(toolCalls), "?view=snapshot"),
  cost("a call that many messages have", "deltas", EVENTS, oneRun(sharedCall)),
  cost("items that stay open", "items", EVENTS, oneRun(openItems)),
  cost("items that stay open", "items", EVENTS, oneRun(openItems), "?view=snapshot"),
  cost("steps of subagents", "subagents", EVENTS, oneRun(subagents)),
  cost("chunks of many lanes", "chunks", EVENTS, oneRun(chunkExpander)),
  cost("reasoning", "thoughts", EVENTS, oneRun(reasoning)),
  cost("reasoning as it was once", "thoughts", EVENTS, oneRun(thinking)),
  cost("a text in many deltas", "deltas", EVENTS, oneRun(longText), "?view=snapshot"),
  cost("arguments in many deltas", "deltas", EVENTS, oneRun(longArguments), "?view=snapshot"),
  cost("activities", "activities", EVENTS, oneRun(activities), "?view=snapshot"),
  cost("values between runs", "events", EVENTS, backgroundEvents),
  cost("messages of queued runs", "runs", EVENTS, queuedRuns),
];

function cost(
  name: string,
  of: string,
  sizes: readonly number[],
  events: (size: number) => Generator<Event>,
  query = "?view=raw",
): Cost {
  const measure: Cost["measure"] = (size) => serveLog(events(size), connect(query));
  return { name: `connect${query}, ${name}`, of, sizes, measure };
}

function* shortRuns(count: number): Generator<Event> {
  for (let run = 0; run < count; run += 1) {
    const ids = { threadId: "s", runId: `r${run}` };
    const messageId = `m${run}`;
    const said = { id: `u${run}`, role: "user", content: `question ${run}` };
    yield { type: "MESSAGES_SNAPSHOT", ...ids, messages: [said] };
    yield { type: "RUN_STARTED", ...ids };
    yield { type: "TEXT_MESSAGE_START", messageId, role: "assistant" };
    yield { type: "TEXT_MESSAGE_CONTENT", messageId, delta: `answer ${run}` };
    yield { type: "TEXT_MESSAGE_END", messageId };
    yield { type: "RUN_FINISHED", ...ids };
  }
}

function* rekeyedRuns(count: number): Generator<Event> {
  for (let run = 0; run < count; run += 1) {
    const ids = { threadId: "s", runId: `r${run}` };
    const [toolCallId, parentMessageId] = [`c${run}`, `a${run}`];
    yield { type: "RUN_STARTED", ...ids };
    yield { type: "TOOL_CALL_START", toolCallId, toolCallName: "f", parentMessageId };
    yield { type: "TOOL_CALL_END", toolCallId };
    yield { type: "TOOL_CALL_RESULT", messageId: `s${run}`, toolCallId, content: "714" };
    const call = { id: toolCallId, type: "function", function: { name: "f", arguments: "" } };
    const messages = [
      { id: parentMessageId, role: "assistant", toolCalls: [call] },
      { id: `k${run}`, role: "tool", toolCallId, content: "714" },
    ];
    yield { type: "MESSAGES_SNAPSHOT", messages };
    yield { type: "RUN_FINISHED", ...ids };
  }
}

/** A call follows a snapshot that has what was streamed under another id, in the same run. */
function* rekeyedAnswers(count: number): Generator<Event> {
  for (let run = 0; run < count; run += 1) {
    const [messageId, toolCallId] = [`m${run}`, `c${run}`];
    const answer = { id: `k${run}`, role: "assistant", content: `answer ${run}` };
    yield { type: "RUN_STARTED", threadId: "s", runId: `r${run}` };
    yield { type: "TEXT_MESSAGE_START", messageId, role: answer.role };
    yield { type: "TEXT_MESSAGE_CONTENT", messageId, delta: answer.content };
    yield { type: "TEXT_MESSAGE_END", messageId };
    yield { type: "MESSAGES_SNAPSHOT", messages: [answer] };
    yield { type: "TOOL_CALL_START", toolCallId, toolCallName: "f", parentMessageId: answer.id };
    yield { type: "TOOL_CALL_END", toolCallId };
    yield { type: "RUN_FINISHED", threadId: "s", runId: `r${run}` };
  }
}

function* changedRoles(count: number): Generator<Event> {
  yield { type: "TOOL_CALL_START", toolCallId: "c", toolCallName: "f", parentMessageId: "a" };
  yield { type: "TOOL_CALL_END", toolCallId: "c" };
  for (let at = 0; at < count; at += 1) {
    const role = at % 2 === 0 ? "user" : "system";
    yield { type: "MESSAGES_SNAPSHOT", messages: [{ id: "n", role, content: "x" }] };
    yield { type: "TOOL_CALL_RESULT", messageId: `t${at}`, toolCallId: "c", content: "714" };
  }
}

/** Users' messages come in snapshots of the run, each with an answer after it. */
function* usersMessages(count: number): Generator<Event> {
  for (let at = 0; at < count; at += 1) {
    const messageId = `m${at}`;
    const said = { id: `u${at}`, role: "user", content: `question ${at}` };
    yield { type: "MESSAGES_SNAPSHOT", messages: [said] };
    yield { type: "TEXT_MESSAGE_START", messageId, role: "assistant" };
    yield { type: "TEXT_MESSAGE_CONTENT", messageId, delta: `answer ${at}` };
    yield { type: "TEXT_MESSAGE_END", messageId };
  }
}

function oneRun(events: (count: number) => Generator<Event>) {
  return function* run(count: number): Generator<Event> {
    yield { type: "RUN_STARTED", threadId: "s", runId: "r" };
    yield* events(count);
    yield { type: "RUN_FINISHED", threadId: "s", runId: "r" };
  };
}

function* withMetadata(count: number): Generator<Event> {
  yield { type: "TEXT_MESSAGE_START", messageId: "m", role: "assistant" };
  for (let at = 0; at < count; at += 1) {
    const metadata = { [`key ${at}`]: at };
    yield { type: "TEXT_MESSAGE_CONTENT", messageId: "m", delta: "x", metadata };
  }
}

function* toolCalls(count: number): Generator<Event> {
  for (let at = 0; at < count; at += 1) {
    const toolCallId = `c${at}`;
    yield { type: "TOOL_CALL_START", toolCallId, toolCallName: "f", parentMessageId: "a" };
    yield { type: "TOOL_CALL_END", toolCallId };
    yield { type: "TOOL_CALL_RESULT", messageId: `t${at}`, toolCallId, content: "714" };
  }
}

function* sharedCall(count: number): Generator<Event> {
  const call = { id: "c", type: "function", function: { name: "f", arguments: "" } };
  const messages = Array.from({ length: count }, (_, at) => ({
    id: `m${at}`,
    role: "assistant",
    toolCalls: at > count / 2 ? [call] : [],
  }));
  yield { type: "MESSAGES_SNAPSHOT", messages };
  yield { type: "TOOL_CALL_START", toolCallId: "c", toolCallName: "f" };
  for (let at = 0; at < count; at += 1)
    yield { type: "TOOL_CALL_ARGS", toolCallId: "c", delta: "x" };
}

function* openItems(count: number): Generator<Event> {
  for (let at = 0; at < count; at += 1)
    yield { type: "TEXT_MESSAGE_START", messageId: `m${at}`, role: "assistant" };
  for (let at = 0; at < count; at += 1)
    yield { type: "TEXT_MESSAGE_CONTENT", messageId: `m${at}`, delta: "x" };
}

function* subagents(count: number): Generator<Event> {
  for (let at = 0; at < count; at += 1) {
    const subagentRunId = `a${at}`;
    yield { type: "SUBAGENT_STARTED", subagentRunId, name: "helper" };
    yield { type: "STEP_STARTED", stepName: "look", subagentRunId };
    yield { type: "TEXT_MESSAGE_CHUNK", messageId: `m${at}`, delta: "x", subagentRunId };
    yield { type: "STEP_FINISHED", stepName: "look", subagentRunId };
    yield { type: "SUBAGENT_FINISHED", subagentRunId };
  }
}

function* chunkExpander(count: number): Generator<Event> {
  for (let at = 0; at < count; at += 1) {
    const subagentRunId = `a${at % 300}`;
    yield { type: "TEXT_MESSAGE_CHUNK", messageId: `m${at % 300}`, delta: "x", subagentRunId };
  }
}

function* reasoning(count: number): Generator<Event> {
  for (let at = 0; at < count; at += 1) {
    const messageId = `t${at}`;
    yield { type: "REASONING_START", messageId };
    yield { type: "REASONING_MESSAGE_START", messageId, role: "reasoning" };
    yield { type: "REASONING_MESSAGE_CONTENT", messageId, delta: "I see" };
    yield { type: "REASONING_MESSAGE_END", messageId };
    yield { type: "REASONING_END", messageId };
    const secret = { entityId: messageId, encryptedValue: "…" };
    yield { type: "REASONING_ENCRYPTED_VALUE", subtype: "message", ...secret };
  }
}

function* thinking(count: number): Generator<Event> {
  for (let at = 0; at < count; at += 1) {
    yield { type: "THINKING_START" };
    yield { type: "THINKING_TEXT_MESSAGE_START" };
    yield { type: "THINKING_TEXT_MESSAGE_CONTENT", delta: "I see" };
    yield { type: "THINKING_TEXT_MESSAGE_END" };
    yield { type: "THINKING_END" };
  }
}

function* longText(count: number): Generator<Event> {
  yield { type: "TEXT_MESSAGE_START", messageId: "m", role: "assistant" };
  for (let at = 0; at < count; at += 1)
    yield {
      type: "TEXT_MESSAGE_CONTENT",
      messageId: "m",
      delta: "some words of a text ".repeat(10),
    };
}

function* longArguments(count: number): Generator<Event> {
  yield { type: "TOOL_CALL_START", toolCallId: "c", toolCallName: "f" };
  for (let at = 0; at < count; at += 1)
    yield { type: "TOOL_CALL_ARGS", toolCallId: "c", delta: "some words of a text ".repeat(10) };
}

function* activities(count: number): Generator<Event> {
  for (let at = 0; at < count; at += 1) {
    const ids = { messageId: `a${at}`, activityType: "PLAN" };
    const patch = [{ op: "add", path: "/steps/-", value: at }];
    yield { type: "ACTIVITY_SNAPSHOT", ...ids, content: { steps: [] } };
    yield { type: "ACTIVITY_DELTA", ...ids, patch };
    yield { type: "ACTIVITY_SNAPSHOT", ...ids, content: { steps: [at] }, replace: at % 2 === 0 };
  }
}

function* backgroundEvents(count: number): Generator<Event> {
  for (let at = 0; at < count; at += 1) yield { type: "CUSTOM", name: "note", value: at };
  yield* shortRuns(1);
  for (let at = 0; at < count; at += 1) {
    yield { type: "CUSTOM", name: "note", value: at };
    yield { type: "MESSAGES_SNAPSHOT", messages: [{ id: `n${at}`, role: "user", content: "x" }] };
  }
}

/** All that is posted comes before the first run begins. */
function* queuedRuns(count: number): Generator<Event> {
  for (let run = 0; run < count; run += 1) {
    const messages = [{ id: `u${run}`, role: "user", content: `question ${run}` }];
    yield { type: "MESSAGES_SNAPSHOT", threadId: "s", runId: `r${run}`, messages };
  }
  for (let run = 0; run < count; run += 1) {
    yield { type: "RUN_STARTED", threadId: "s", runId: `r${run}` };
    yield { type: "RUN_FINISHED", threadId: "s", runId: `r${run}` };
  }
}
