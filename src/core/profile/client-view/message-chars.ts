import { textParts } from "../../../stream/json/text-parts.ts";
import type { Message } from "../repair/repair-message.ts";

/** A longer text, in characters, is measured in parts. */
const PART_CHARS = 64 * 1024;

/** Characters of a message's JSON. */
export function messageChars(message: Message): number {
  const { content } = message;
  if (typeof content !== "string" || content.length <= PART_CHARS)
    return JSON.stringify(message).length;
  let chars = JSON.stringify({ ...message, content: "" }).length;
  for (const part of textParts(content, PART_CHARS)) chars += JSON.stringify(part).length - 2;
  return chars;
}
