import { isObject, type JsonObject } from "../model/json-fields.ts";
import type { Message, ToolCall } from "./repair/repair-message.ts";

/** A message as TanStack AI keeps it (`UIMessage` of @tanstack/ai 0.58): what it says is in its parts. */
interface UiMessage {
  readonly id: string;
  readonly role: string;
  readonly parts: readonly JsonObject[];
  readonly name?: string;
  readonly metadata?: Readonly<Record<string, unknown>>;
}

/**
 * Messages as TanStack AI makes them of a MESSAGES_SNAPSHOT: reasoning is part of the answer after it, the result of a tool call
 * part of the message with the call, and of the call itself. Activities are none of its messages.
 */
export function* toUiMessages(messages: readonly Message[]): Iterable<UiMessage> {
  const results = resultsByCall(messages);
  const owned = new Set(messages.flatMap(({ toolCalls = [] }) => toolCalls.map(({ id }) => id)));
  const isPart = (message: Message): boolean =>
    owned.has(message.toolCallId ?? "") && results.get(message.toolCallId ?? "") === message;
  let thoughts: Message[] = [];
  for (const message of messages) {
    if (message.role === "activity" || isPart(message)) continue;
    if (message.role === "reasoning") {
      thoughts.push(message);
      continue;
    }
    const isAnswer = message.role === "assistant";
    if (!isAnswer) yield* thoughts.splice(0).map(ownThought);
    const thinking = thoughts.flatMap(thinkingParts);
    thoughts = [];
    const calls = (message.toolCalls ?? []).map((call) => ({ call, result: results.get(call.id) }));
    yield uiMessage(message, [
      ...thinking,
      ...contentParts(message),
      ...calls.map(({ call, result }) => callPart(call, result)),
      ...calls.flatMap(({ result }) => (result ? [resultPart(result)] : [])),
    ]);
  }
  yield* thoughts.map(ownThought);
}

function resultsByCall(messages: readonly Message[]): ReadonlyMap<string, Message> {
  const results = messages.filter(({ role }) => role === "tool");
  return new Map(results.map((result) => [result.toolCallId ?? "", result]));
}

function uiMessage(message: Message, parts: readonly JsonObject[]): UiMessage {
  const { id, metadata, name, role } = message;
  return {
    id,
    role: ROLES.get(role) ?? role,
    parts,
    ...(name !== undefined && { name }),
    ...(metadata && { metadata }),
  };
}

/** Roles that it has others for. */
const ROLES: ReadonlyMap<string, string> = new Map([
  ["tool", "assistant"],
  ["reasoning", "assistant"],
  ["developer", "system"],
]);

const ownThought = (message: Message): UiMessage => uiMessage(message, thinkingParts(message));

function thinkingParts({ content, encryptedValue }: Message): JsonObject[] {
  if (!content && encryptedValue === undefined) return [];
  return [{ type: "thinking", content, ...(encryptedValue && { signature: encryptedValue }) }];
}

/** What a message says: text, or parts, of which those of text have another name for it. */
function contentParts(message: Message): JsonObject[] {
  if (message.role === "tool") return [resultPart(message)];
  return partsOf(message.content);
}

function partsOf(content: unknown): JsonObject[] {
  if (!Array.isArray(content)) return content ? [{ type: "text", content }] : [];
  return content
    .filter((part: unknown) => isObject(part))
    .map((part) => (part["type"] === "text" ? { type: "text", content: part["text"] } : part));
}

function callPart(call: ToolCall, result: Message | undefined): JsonObject {
  const { arguments: text, name } = call.function;
  const input = parsed(text);
  return {
    type: "tool-call",
    id: call.id,
    name,
    arguments: text,
    state: result ? stateOf(result) : "input-complete",
    ...(input !== undefined && { input }),
    ...(result && { output: outputOf(result) }),
  };
}

function resultPart(result: Message): JsonObject {
  const { content, error, id, toolCallId } = result;
  return {
    type: "tool-result",
    toolCallId,
    id,
    content: Array.isArray(content) ? partsOf(content) : content,
    state: stateOf(result),
    ...(error !== undefined && { error }),
  };
}

const stateOf = ({ error }: Message): string => (error === undefined ? "complete" : "error");

/** A result's text is JSON where it can be. */
function outputOf({ content }: Message): unknown {
  if (Array.isArray(content)) return partsOf(content);
  return typeof content === "string" ? (parsed(content) ?? content) : content;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
