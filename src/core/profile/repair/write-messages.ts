import type { Steps } from "../../../stream/sync/steps.ts";
import { isSmall, writeInSteps } from "../../model/json-in-steps.ts";
import type { Message } from "./repair-message.ts";

const encoder = new TextEncoder();

/** Characters of messages that are joined before they are encoded. */
const PIECE_CHARS = 64 * 1024;

/**
 * The messages as a JSON list, in pieces; `acceptable` returns how each is written. They must not
 * change until it is done.
 */
export function* writeMessages(
  messages: readonly Message[],
  acceptable: (message: Message) => Message = (message) => message,
): Steps<Uint8Array<ArrayBuffer>[]> {
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  let text = "[";
  let separator = "";
  for (const message of messages) {
    const written = acceptable(message);
    text += separator;
    separator = ",";
    const isLong = !isWrittenAtOnce(written);
    if (!isLong) text += JSON.stringify(written);
    yield;
    if (!isLong && text.length < PIECE_CHARS) continue;
    pieces.push(encoder.encode(text));
    text = "";
    if (isLong) for (const piece of yield* writeInSteps(written)) pieces.push(piece);
  }
  pieces.push(encoder.encode(`${text}]`));
  return pieces;
}

/** Whether a message is small. Most are a text and their names, which need no look at every value. */
export function isWrittenAtOnce(message: Message): boolean {
  const { content, metadata, toolCalls } = message;
  if (typeof content === "string" && !metadata && !toolCalls) return content.length < PIECE_CHARS;
  return isSmall(message);
}
