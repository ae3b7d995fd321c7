import type { DemoInput, JsonObject } from "./input.ts";
import type { DemoStep } from "./script.ts";

/** An event and how long the agent "thinks" before it. The event still lacks its timestamp. */
export interface TimedEvent {
  readonly afterMs: number;
  readonly event: JsonObject & { readonly type: string };
}

/** The answer to a question that an earlier run of the thread has asked. */
export interface Answer {
  readonly toolCallId: string;
  readonly content: string;
}

/** The tool call by which an agent asks its user. */
export const QUESTION_TOOL = "AskUserQuestion";

const START_MS = 300;
const BEAT_MS = 120;
const REASONING_DELTA_MS = 45;
const TEXT_DELTA_MS = 55;
const ARGS_DELTA_MS = 60;
const ARGS_DELTA_CHARS = 24;

// an alias and not an interface: only that is assignable to a type with an index signature
type AssistantMessage = {
  readonly id: string;
  readonly role: "assistant";
  readonly content: string;
  toolCalls?: JsonObject[];
};

/**
 * The events of one run, RUN_STARTED to RUN_FINISHED, in the order and with the fields of AG-UI 1.0
 * that every client version accepts: all that is opened is closed, no nulls, no empty deltas. The
 * MESSAGES_SNAPSHOT before the end holds the input's messages and this run's own.
 */
export function* playScript(
  script: readonly DemoStep[],
  input: DemoInput,
  answer?: Answer,
): Generator<TimedEvent, void, void> {
  const { threadId, runId, messages } = input;
  const transcript: JsonObject[] = [...messages];
  const runInput = { threadId, runId, messages, tools: [], context: [] };
  yield timed({ type: "RUN_STARTED", threadId, runId, input: runInput });
  if (answer !== undefined)
    yield timed(toolResult(answer.toolCallId, answer.content, transcript), BEAT_MS);

  let speaker: AssistantMessage | undefined;
  for (const step of script) {
    if (step.kind === "text") {
      speaker = { id: crypto.randomUUID(), role: "assistant", content: step.text };
      transcript.push(speaker);
      yield* text(speaker.id, step.text);
    } else if (step.kind === "tool" || step.kind === "question") {
      if (speaker === undefined) throw new TypeError("a script speaks before it calls a tool");
      yield* toolCall(step, speaker, transcript);
    } else if (step.kind === "reasoning") yield* reasoning(step.text);
    else yield timed(plainEvent(step), BEAT_MS);
  }

  yield timed({ type: "MESSAGES_SNAPSHOT", messages: transcript }, BEAT_MS);
  yield timed({ type: "RUN_FINISHED", threadId, runId }, BEAT_MS);
}

function timed(event: TimedEvent["event"], afterMs = 0): TimedEvent {
  return { afterMs, event };
}

function plainEvent(
  step: Extract<DemoStep, { kind: "state" | "patch" | "step-started" | "step-finished" }>,
): TimedEvent["event"] {
  if (step.kind === "state") return { type: "STATE_SNAPSHOT", snapshot: step.snapshot };
  if (step.kind === "patch") return { type: "STATE_DELTA", delta: step.delta };
  const type = step.kind === "step-started" ? "STEP_STARTED" : "STEP_FINISHED";
  return { type, stepName: step.name };
}

function* text(messageId: string, content: string): Generator<TimedEvent, void, void> {
  yield timed({ type: "TEXT_MESSAGE_START", messageId, role: "assistant" }, START_MS);
  for (const delta of words(content))
    yield timed({ type: "TEXT_MESSAGE_CONTENT", messageId, delta }, TEXT_DELTA_MS);
  yield timed({ type: "TEXT_MESSAGE_END", messageId });
}

function* reasoning(content: string): Generator<TimedEvent, void, void> {
  const messageId = crypto.randomUUID();
  yield timed({ type: "REASONING_START", messageId }, START_MS);
  yield timed({ type: "REASONING_MESSAGE_START", messageId, role: "reasoning" });
  for (const delta of words(content))
    yield timed({ type: "REASONING_MESSAGE_CONTENT", messageId, delta }, REASONING_DELTA_MS);
  yield timed({ type: "REASONING_MESSAGE_END", messageId });
  yield timed({ type: "REASONING_END", messageId });
}

function* toolCall(
  step: Extract<DemoStep, { kind: "tool" | "question" }>,
  speaker: AssistantMessage,
  transcript: JsonObject[],
): Generator<TimedEvent, void, void> {
  const toolCallId = crypto.randomUUID();
  const toolCallName = step.kind === "tool" ? step.name : QUESTION_TOOL;
  const args = JSON.stringify(step.kind === "tool" ? step.args : questionArgs(step));
  const call = {
    id: toolCallId,
    type: "function",
    function: { name: toolCallName, arguments: args },
  };
  (speaker.toolCalls ??= []).push(call);

  yield timed(
    { type: "TOOL_CALL_START", toolCallId, toolCallName, parentMessageId: speaker.id },
    START_MS,
  );
  for (let at = 0; at < args.length; at += ARGS_DELTA_CHARS)
    yield timed(
      { type: "TOOL_CALL_ARGS", toolCallId, delta: args.slice(at, at + ARGS_DELTA_CHARS) },
      ARGS_DELTA_MS,
    );
  yield timed({ type: "TOOL_CALL_END", toolCallId });
  if (step.kind === "tool")
    yield timed(toolResult(toolCallId, step.result, transcript), step.workMs);
}

function toolResult(
  toolCallId: string,
  content: string,
  transcript: JsonObject[],
): TimedEvent["event"] {
  const messageId = crypto.randomUUID();
  transcript.push({ id: messageId, role: "tool", toolCallId, content });
  return { type: "TOOL_CALL_RESULT", messageId, toolCallId, content, role: "tool" };
}

function questionArgs(step: Extract<DemoStep, { kind: "question" }>): JsonObject {
  const { question, header, options } = step;
  return { questions: [{ question, header, multiSelect: false, options }] };
}

/** Words with the white space before them; joined they are the text again. */
function words(content: string): readonly string[] {
  return content.match(/\s*\S+\s*$|\s*\S+/g) ?? [];
}
