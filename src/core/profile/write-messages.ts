import { encodeInSteps } from "../../stream/encode-in-steps.ts";
import type { Steps } from "../../stream/steps.ts";
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
  for (const message of messages) {
    const json = JSON.stringify(acceptable(message));
    const isLong = json.length > PIECE_CHARS;
    // a long one is not joined with what comes before it: that would copy it
    text += isLong ? separator : `${separator}${json}`;
    separator = ",";
    yield;
    if (!isLong && text.length < PIECE_CHARS) continue;
    pieces.push(encoder.encode(text));
    text = "";
    if (isLong) yield* encodeInSteps(json, pieces);
  }
  pieces.push(encoder.encode(`${text}]`));
  return pieces;
}
