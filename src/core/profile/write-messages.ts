import { eachInSteps, type Steps } from "../../stream/steps.ts";
import type { Message } from "./mend-message.ts";

const encoder = new TextEncoder();

/** So many characters of messages are joined before they are encoded. */
const PIECE_CHARS = 64 * 1024;

/**
 * The messages as a JSON list, in pieces; `acceptable` says how each is written. They must not change
 * until it is done.
 */
export function* writeMessages(
  messages: readonly Message[],
  acceptable: (message: Message) => Message = (message) => message,
): Steps<Uint8Array<ArrayBuffer>[]> {
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  let text = "[";
  let separator = "";
  yield* eachInSteps(messages, (message) => {
    text += `${separator}${JSON.stringify(acceptable(message))}`;
    separator = ",";
    if (text.length < PIECE_CHARS) return;
    pieces.push(encoder.encode(text));
    text = "";
  });
  pieces.push(encoder.encode(`${text}]`));
  return pieces;
}
