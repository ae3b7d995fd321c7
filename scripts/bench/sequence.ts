import { FIRST_HASH, HASH_DIGITS, hashAfter } from "./hash-chain.ts";
import {
  EVENT,
  EVENT_END,
  EVENT_START,
  FIRST_SEQUENCE,
  HASH_AT,
  SEQUENCE_AT,
  SEQUENCE_DIGITS,
  TIME_AT,
  TIME_DIGITS,
} from "./numbered-event.ts";

/** What a viewer makes of the numbered events that it saw. */
export interface SequenceReader {
  add(bytes: Buffer): void;
  /** Events seen. */
  readonly count: number;
  /** Events before the first that did not follow on the one before it. */
  readonly inOrder: number;
  /** How often an event did not follow on the one before: lost, repeated, out of order, or changed. */
  readonly breaks: number;
}

const ZERO = 48;
const LETTER_A = 97;
const START = Buffer.from(EVENT_START, "latin1");
const END = Buffer.from(EVENT_END, "latin1");

/**
 * Follows the fake runner's numbered events through any stream that holds their bytes, by their numbers and by the hash
 * of each, which is one of all bytes up to there.
 */
export function createSequenceReader(onEvent?: (sentAtMs: number) => void): SequenceReader {
  let carry: Buffer = Buffer.alloc(0);
  let count = 0;
  let breaks = 0;
  let inOrder = 0;
  let expected = FIRST_SEQUENCE;
  let hash = FIRST_HASH;

  function take(event: Buffer): void {
    const sequence = readDigits(event, SEQUENCE_AT, SEQUENCE_DIGITS);
    const stated = readHash(event);
    const isNext =
      sequence === expected &&
      hashAfter(hash, event.subarray(0, HASH_AT)) === stated &&
      event.compare(END, 0, END.length, EVENT.length - END.length, EVENT.length) === 0;
    count += 1;
    if (!isNext) breaks += 1;
    if (breaks === 0) inOrder += 1;
    expected = sequence + 1;
    hash = stated;
    onEvent?.(readDigits(event, TIME_AT, TIME_DIGITS));
  }

  return {
    add(bytes) {
      const text = carry.length === 0 ? bytes : Buffer.concat([carry, bytes]);
      let from = 0;
      for (;;) {
        const at = text.indexOf(START, from);
        if (at < 0 || at + EVENT.length > text.length) {
          const rest = at < 0 ? Math.max(from, text.length - START.length + 1) : at;
          carry = Buffer.from(text.subarray(rest));
          return;
        }
        from = at + EVENT.length;
        take(text.subarray(at, from));
      }
    },
    get count() {
      return count;
    },
    get inOrder() {
      return inOrder;
    },
    get breaks() {
      return breaks;
    },
  };
}

function readDigits(bytes: Buffer, at: number, digits: number): number {
  let value = 0;
  for (let index = at; index < at + digits; index += 1)
    value = value * 10 + (bytes[index] ?? 0) - ZERO;
  return value;
}

/** The hash that an event names; NaN or another number where it is none. */
function readHash(event: Buffer): number {
  let value = 0;
  for (let index = HASH_AT; index < HASH_AT + HASH_DIGITS; index += 1) {
    const byte = event[index] ?? 0;
    value = value * 16 + (byte >= LETTER_A ? byte - LETTER_A + 10 : byte - ZERO);
  }
  return value;
}
