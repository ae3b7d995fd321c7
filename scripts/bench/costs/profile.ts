import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { mkdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import type { LoopDelay } from "../../load/loop-delay.ts";
import { createDataDir } from "../data-dir.ts";
import { CACHE_DIR, type GeneratedLog } from "../generate-log.ts";
import { startServer } from "../server-process.ts";
import type { Cost, Spent } from "./cost.ts";

type Event = Readonly<Record<string, unknown>>;

const MEGABYTE = 1_000_000;
const LOOP_DELAY = new URL("../../load/loop-delay.ts", import.meta.url);

/** `connect` of logs of which each part has taken longer once, the more came before it. */
export const PROFILE_COSTS: readonly Cost[] = [
  connectCost("short runs", "runs", [2_000, 10_000, 50_000], shortRuns),
  connectCost("results under other ids", "runs", [2_000, 10_000], rekeyedRuns),
  connectCost("metadata of deltas", "deltas", [4_000, 20_000], oneRun(withMetadata)),
  connectCost("tool calls of one message", "calls", [10_000, 60_000], oneRun(toolCalls)),
  connectCost("a call that many messages have", "deltas", [4_000, 20_000], oneRun(sharedCall)),
];

function connectCost(
  name: string,
  of: string,
  sizes: readonly number[],
  events: (size: number) => Generator<Event>,
): Cost {
  return { name: `connect, ${name}`, of, sizes, measure: (size) => connect(events(size)) };
}

/** Serves the events as a session's log, and reads all that a client is told of it. */
async function connect(events: Generator<Event>): Promise<Spent> {
  const log = await writeLog(events);
  const data = await createDataDir([log]);
  let heldMs = 0;
  const server = await startServer({
    dataDir: data.dir,
    watch: {
      script: LOOP_DELAY,
      onMessage: (message) => (heldMs = Math.max(heldMs, (message as LoopDelay).maxMs)),
    },
  });
  try {
    const [session] = data.sessions;
    const startedAtMs = performance.now();
    const response = await fetch(
      `http://127.0.0.1:${server.port}${session?.path ?? ""}/agui/connect?view=raw`,
      { method: "POST", headers: { "Content-Type": "application/json" }, body: "{}" },
    );
    let bytes = 0;
    for await (const chunk of response.body ?? []) bytes += chunk.length;
    return { seconds: (performance.now() - startedAtMs) / 1_000, heldMs, bytes };
  } finally {
    await server.stop();
    await data.remove();
    await rm(log.path);
  }
}

async function writeLog(events: Generator<Event>): Promise<GeneratedLog> {
  await mkdir(CACHE_DIR, { recursive: true });
  const path = join(CACHE_DIR, `cost-${process.pid}.jsonl`);
  const file = createWriteStream(path);
  let count = 0;
  for (const event of events) {
    count += 1;
    if (!file.write(`${JSON.stringify(event)}\n`)) await once(file, "drain");
  }
  file.end();
  await once(file, "close");
  const { size: bytes } = await stat(path);
  return { path, bytes, megabytes: Math.ceil(bytes / MEGABYTE), events: count };
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
