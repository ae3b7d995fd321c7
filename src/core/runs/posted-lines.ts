import {
  factsOfLine,
  hiddenMessage,
  messagesSnapshot,
  type ServerEventContext,
} from "../model/server-events.ts";
import type { InputMessage } from "./run-input.ts";
import type { EventLines } from "../session/session.ts";

/** What is stored of messages that were posted: the marks of those that are hidden, and a snapshot. */
export function linesOf(
  messages: readonly InputMessage[],
  context: ServerEventContext,
): EventLines {
  const hidden = messages
    .filter((message) => message.hidden)
    .map(({ id }) => hiddenMessage(context, id));
  const texts = messages.map(({ json }) => json);
  const snapshot = texts.length === 0 ? [] : messagesSnapshot(context, texts);
  const events = hidden.map((line) => factsOfLine(line));
  if (snapshot.length > 0) events.push(factsOfLine(...snapshot));
  return { lines: [...hidden, ...snapshot], events };
}
