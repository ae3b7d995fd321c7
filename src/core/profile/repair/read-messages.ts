import { countValues, elementsInParts } from "../../../stream/json/json-walk.ts";
import type { Steps } from "../../../stream/sync/steps.ts";
import { parseInSteps } from "../../model/json-in-steps.ts";
import type { Dialect } from "./dialect.ts";
import { repairMessage, type Message } from "./repair-message.ts";

export interface ReadMessagesOptions {
  readonly dialect: Dialect;
  /** Limits of the number of values, nested ones included; default any. */
  readonly limits?: MessageLimits;
}

interface MessageLimits {
  /** In all messages. */
  readonly maxValues: number;
  /** In one message, which is parsed at once. */
  readonly maxMessageValues: number;
}

const NO_LIMITS: MessageLimits = { maxValues: Infinity, maxMessageValues: Infinity };

/** Values, or bytes of text, that are parsed in one step. */
const STEP_VALUES = 8_192;
const STEP_BYTES = 256 * 1024;

/**
 * The messages that can be repaired of the list at `start`, which is not parsed as a whole; null if
 * they have more values than the limits allow.
 */
export function* readMessages(
  bytes: Uint8Array,
  start: number,
  { dialect, limits = NO_LIMITS }: ReadMessagesOptions,
): Steps<Message[] | null> {
  const { maxValues, maxMessageValues } = limits;
  const read: Message[] = [];
  let values = 0;
  let stepValues = 0;
  let stepStart = start;
  for (const range of elementsInParts(bytes, start)) {
    if (!range) {
      yield;
      continue;
    }
    const own = countValues(bytes, range, maxMessageValues);
    values += own;
    if (own === maxMessageValues || values > maxValues) return null;
    if (stepValues + own > STEP_VALUES || range.end - stepStart > STEP_BYTES) {
      yield;
      stepValues = 0;
      stepStart = range.start;
    }
    stepValues += own;
    const value = yield* parseInSteps(bytes.subarray(range.start, range.end));
    const message = repairMessage(value, dialect);
    if (message) read.push(message);
  }
  return read;
}
