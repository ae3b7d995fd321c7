import type { Random } from "./random.ts";

export interface RunOptions {
  /** Which run of the session it is: its time follows from it. */
  readonly index: number;
  /** Length of one very long tool result, 0 for none. */
  readonly longResult: number;
  /** Default one whose run is not posted to runlog, that thinks, and whose snapshots have texts alone. */
  readonly agent?: AgentHabits;
}

export interface AgentHabits {
  /** Whether runlog has stored what the run was posted with. */
  readonly isPosted: boolean;
  readonly thinks: boolean;
  /** What a snapshot of messages has: the texts, calls and results as well, or these of all runs so far. */
  readonly snapshot: "texts" | "run" | "thread";
  /** Whether there is one after each turn, and not only at the end of the run. */
  readonly isEachTurn: boolean;
  /** Messages of the runs before, to which those of the run are added. */
  readonly thread: Message[];
}

type Message = Readonly<Record<string, unknown>>;

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
  const { agent } = options;
  const messages: Message[] = [user];
  const isWhole = agent !== undefined && agent.snapshot !== "texts";
  const isThread = agent?.snapshot === "thread";
  function snapshot(): string {
    const thread = isThread ? agent.thread : [];
    return line({ type: "MESSAGES_SNAPSHOT", messages: [...thread, ...messages] });
  }
  const input = { threadId: THREAD_ID, runId, messages: [user], tools: [], context: [] };
  if (agent?.isPosted) yield line({ type: "MESSAGES_SNAPSHOT", messages: [user] });
  yield line({ type: "RUN_STARTED", input });
  yield line({ type: "STATE_SNAPSHOT", snapshot: { phase: "reading", progress: 0 } });

  const turns = MIN_TURNS + random.integer(MAX_TURNS - MIN_TURNS);
  const longTurn = options.longResult > 0 ? random.integer(turns) : -1;
  for (let turn = 0; turn < turns; turn += 1) {
    if (agent?.thinks !== false) yield* reasoning(random, line);
    const messageId = random.uuid();
    const content: string[] = [];
    yield line({ type: "TEXT_MESSAGE_START", messageId, role: "assistant" });
    for (const delta of deltas(random)) {
      content.push(delta);
      yield line({ type: "TEXT_MESSAGE_CONTENT", messageId, delta });
    }
    yield line({ type: "TEXT_MESSAGE_END", messageId });
    const text = { id: messageId, role: "assistant", content: content.join("") };
    const longResult = turn === longTurn ? options.longResult : 0;
    const { call, result } = yield* toolCall(random, line, {
      parentMessageId: messageId,
      longResult,
    });
    messages.push(isWhole ? { ...text, toolCalls: [call] } : text);
    if (isWhole) messages.push(result);
    const patch = [{ op: "replace", path: "/progress", value: (turn + 1) / turns }];
    yield line({ type: "STATE_DELTA", delta: patch });
    if (agent?.isEachTurn && turn + 1 < turns) yield snapshot();
  }
  yield snapshot();
  agent?.thread.push(...messages);
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
  {
    parentMessageId,
    longResult,
  }: { readonly parentMessageId: string; readonly longResult: number },
): Generator<string, { readonly call: Message; readonly result: Message }> {
  const toolCallId = `toolu_${random.uuid().slice(0, 13)}`;
  const toolCallName = random.pick(TOOLS);
  yield line({ type: "TOOL_CALL_START", toolCallId, toolCallName, parentMessageId });
  const args: string[] = [];
  for (const delta of deltas(random)) {
    args.push(delta);
    yield line({ type: "TOOL_CALL_ARGS", toolCallId, delta });
  }
  yield line({ type: "TOOL_CALL_END", toolCallId });
  const short = sentence(random, 40 + random.integer(80));
  const content = longResult > 0 ? `${short}\n`.repeat(longResult / short.length) : short;
  const messageId = random.uuid();
  yield line({ type: "TOOL_CALL_RESULT", messageId, toolCallId, content });
  const of = { name: toolCallName, arguments: args.join("") };
  return {
    call: { id: toolCallId, type: "function", function: of },
    result: { id: messageId, role: "tool", toolCallId, content },
  };
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
