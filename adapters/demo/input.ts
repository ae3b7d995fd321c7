/** A JSON object of AG-UI: an event, a message, a part of one. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** What the demo needs of a `RunAgentInput`. */
export interface DemoInput {
  readonly threadId: string;
  readonly runId: string;
  /** Every message has an id and no member that is null. */
  readonly messages: readonly JsonObject[];
}

const MAX_ANSWER_CHARS = 200;

/** The input in a parsed body, or null if it is none. */
export function parseInput(body: unknown): DemoInput | null {
  if (!isObject(body)) return null;
  const { threadId, runId, messages } = body;
  if (typeof threadId !== "string" || typeof runId !== "string") return null;
  if (!Array.isArray(messages) || !messages.every(isObject)) return null;
  return { threadId, runId, messages: messages.map(completeMessage) };
}

/** Old AG-UI clients reject nulls, and the run echoes its input's messages. */
function completeMessage(message: JsonObject): JsonObject {
  const given = Object.entries(message).filter(([, value]) => value !== null);
  return { id: crypto.randomUUID(), ...Object.fromEntries(given) };
}

/** The last message that the user wrote: its text, and whether a front end marked it an answer. */
export function lastUserMessage(input: DemoInput): { text: string; isAnswer: boolean } {
  const message = input.messages.findLast(({ role }) => role === "user");
  const metadata = message?.["metadata"];
  return {
    text: textOf(message?.["content"]).trim().slice(0, MAX_ANSWER_CHARS) || "(no text)",
    isAnswer: isObject(metadata) && metadata["type"] === "ask_user_question_response",
  };
}

/** The text of a message's content: a string, or the text parts of an array. */
function textOf(content: unknown): string {
  const parts = Array.isArray(content) ? content.filter(isObject) : [{ text: content }];
  return parts.map(({ text }) => (typeof text === "string" ? text : "")).join("");
}

/** Whether a JSON value is an object and neither null nor an array. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
