import type { Random } from "./random.ts";

export interface RunOptions {
  /** Which run of the session it is: its time follows from it. */
  readonly index: number;
  /** Length of one very long tool result, 0 for none. */
  readonly longResult: number;
}

const EPOCH_MS = 1_790_000_000_000;
const RUN_GAP_MS = 600_000;
const THREAD_ID = "bench-session";
const MIN_TURNS = 3;
const MAX_TURNS = 9;
const MIN_DELTAS = 20;
const MAX_DELTAS = 90;

const WORDS = (
  "the a this that file test server stream event log line value reads writes returns waits fails " +
  "because after before while offset cursor buffer handler request response retry which should " +
  "function module error session store append replay bounded I will now look at and then change"
).split(" ");

const TOOLS = ["Read", "Grep", "Bash", "Edit", "Write"] as const;

/** The lines of one agent run, without line feeds: RUN_STARTED to RUN_FINISHED, ASCII only. */
export function* runLines(random: Random, options: RunOptions): Generator<string> {
  const runId = random.uuid();
  let timestamp = EPOCH_MS + options.index * RUN_GAP_MS;

  function line(event: Record<string, unknown>): string {
    timestamp += 5 + random.integer(60);
    return JSON.stringify({ ...event, timestamp, threadId: THREAD_ID, runId });
  }

  const user = { id: random.uuid(), role: "user", content: sentence(random, 30) };
  const messages: Record<string, unknown>[] = [user];
  const input = { threadId: THREAD_ID, runId, messages: [user], tools: [], context: [] };
  yield line({ type: "RUN_STARTED", input });
  yield line({ type: "STATE_SNAPSHOT", snapshot: { phase: "reading", progress: 0 } });

  const turns = MIN_TURNS + random.integer(MAX_TURNS - MIN_TURNS);
  const longTurn = options.longResult > 0 ? random.integer(turns) : -1;
  for (let turn = 0; turn < turns; turn += 1) {
    yield* reasoning(random, line);
    const messageId = random.uuid();
    const content: string[] = [];
    yield line({ type: "TEXT_MESSAGE_START", messageId, role: "assistant" });
    for (const delta of deltas(random)) {
      content.push(delta);
      yield line({ type: "TEXT_MESSAGE_CONTENT", messageId, delta });
    }
    yield line({ type: "TEXT_MESSAGE_END", messageId });
    messages.push({ id: messageId, role: "assistant", content: content.join("") });
    yield* toolCall(random, line, messageId, turn === longTurn ? options.longResult : 0);
    const patch = [{ op: "replace", path: "/progress", value: (turn + 1) / turns }];
    yield line({ type: "STATE_DELTA", delta: patch });
  }
  yield line({ type: "MESSAGES_SNAPSHOT", messages });
  yield line({ type: "RUN_FINISHED" });
}

type ToLine = (event: Record<string, unknown>) => string;

function* reasoning(random: Random, line: ToLine): Generator<string> {
  const messageId = random.uuid();
  yield line({ type: "REASONING_START", messageId });
  yield line({ type: "REASONING_MESSAGE_START", messageId, role: "reasoning" });
  for (const delta of deltas(random))
    yield line({ type: "REASONING_MESSAGE_CONTENT", messageId, delta });
  yield line({ type: "REASONING_MESSAGE_END", messageId });
  yield line({ type: "REASONING_END", messageId });
}

function* toolCall(
  random: Random,
  line: ToLine,
  parentMessageId: string,
  longResult: number,
): Generator<string> {
  const toolCallId = `toolu_${random.uuid().slice(0, 13)}`;
  const toolCallName = random.pick(TOOLS);
  yield line({ type: "TOOL_CALL_START", toolCallId, toolCallName, parentMessageId });
  for (const delta of deltas(random)) yield line({ type: "TOOL_CALL_ARGS", toolCallId, delta });
  yield line({ type: "TOOL_CALL_END", toolCallId });
  const short = sentence(random, 40 + random.integer(80));
  const content = longResult > 0 ? `${short}\n`.repeat(longResult / short.length) : short;
  yield line({ type: "TOOL_CALL_RESULT", messageId: random.uuid(), toolCallId, content });
}

/** Pieces of text as a model streams them: a few words each. */
function* deltas(random: Random): Generator<string> {
  const count = MIN_DELTAS + random.integer(MAX_DELTAS - MIN_DELTAS);
  for (let made = 0; made < count; made += 1) yield sentence(random, 2 + random.integer(5));
}

function sentence(random: Random, words: number): string {
  let text = "";
  for (let made = 0; made < words; made += 1) text += `${random.pick(WORDS)} `;
  return text;
}
