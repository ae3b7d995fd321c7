import type { Steps } from "../../../stream/sync/steps.ts";
import { isObject } from "../../model/json-fields.ts";
import { isSmall, writeInSteps } from "../../model/json-in-steps.ts";
import type { Message } from "../repair/repair-message.ts";
import { isWrittenAtOnce } from "../repair/write-messages.ts";

/** Characters of JSON that a message has: about, if it is large. */
export function messageChars(message: Message): number {
  return isWrittenAtOnce(message) ? JSON.stringify(message).length : aboutChars(message);
}

/** Characters of JSON that a value has: about, if it is large. */
export function jsonChars(value: unknown): number {
  return isSmall(value) ? JSON.stringify(value).length : aboutChars(value);
}

/** At least as many as there are of a message, however large. */
export function* messageCharsInSteps(message: Message): Steps<number> {
  if (isWrittenAtOnce(message)) return JSON.stringify(message).length;
  const pieces = yield* writeInSteps(message);
  return pieces.reduce((sum, { length }) => sum + length, 0);
}

/** Without what escapes add: to know that, texts have to be written. */
function aboutChars(value: unknown): number {
  const left: unknown[] = [value];
  let chars = 0;
  while (left.length > 0) {
    const next = left.pop();
    chars += 2;
    if (typeof next === "string") chars += next.length;
    else if (Array.isArray(next)) for (const element of next) left.push(element);
    else if (isObject(next))
      for (const key in next) {
        if (next[key] === undefined) continue;
        chars += key.length + 3;
        left.push(next[key]);
      }
    else chars += JSON.stringify(next).length - 1;
  }
  return chars;
}
