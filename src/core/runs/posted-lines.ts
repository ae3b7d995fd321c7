import {
  factsOfLine,
  hiddenMessage,
  messagesSnapshot,
  type ServerEventContext,
} from "../model/server-events.ts";
import type { InputMessage } from "./run-input.ts";
import type { EventLines } from "../session/session.ts";

/**
 * The lines stored for posted messages: one RAW event for each hidden message, then a
 * MESSAGES_SNAPSHOT.
 */
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
