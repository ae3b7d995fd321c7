import {
  factsOfLine,
  hiddenMessage,
  messagesSnapshot,
  runInput,
  type ServerEventContext,
} from "../model/server-events.ts";
import type { InputMessage } from "./run-input.ts";
import type { KeptInput } from "./kept-input.ts";
import type { EventLines } from "../session/admission.ts";

/**
 * The lines stored for a posted run: one RAW event for each hidden message, a MESSAGES_SNAPSHOT, then
 * what else it was posted with.
 */
export function linesOf(
  messages: readonly InputMessage[],
  input: KeptInput,
  context: ServerEventContext,
): EventLines {
  const hidden = messages
    .filter((message) => message.hidden)
    .map(({ id }) => hiddenMessage(context, id));
  const texts = messages.map(({ json }) => json);
  const snapshot = texts.length === 0 ? [] : messagesSnapshot(context, texts);
  const events = hidden.map((line) => factsOfLine(line));
  if (snapshot.length > 0) events.push(factsOfLine(...snapshot));
  const isAny = input.members.length + input.leftOut.length > 0;
  const rest = isAny ? runInput(context, input.members, input.leftOut) : [];
  if (isAny) events.push(factsOfLine(...rest));
  return { lines: [...hidden, ...snapshot, ...rest], events };
}
