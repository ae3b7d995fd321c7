import { FIRST_HASH, HASH_DIGITS, hashAfter } from "./hash-chain.ts";
import {
  DATA,
  EVENT,
  FIRST_SEQUENCE,
  FRAME_END,
  HASH_AT,
  SEQUENCE_AT,
  SEQUENCE_DIGITS,
  TIME_AT,
  TIME_DIGITS,
} from "./numbered-event.ts";

/** The most frames that are made at once. */
export const MAX_FRAMES_PER_WRITE = 400;

/** Frames of one run's numbered events. */
export interface NumberedFrames {
  /** The next `count` of them, stamped with the time in epoch ms. */
  next(count: number, nowMs: number): Buffer;
}

const ZERO = 48;
const LETTER_A = 97;
const FRAME = `${DATA}${EVENT}${FRAME_END}`;
const ID_LINE = "\nid: ";
const FRAME_WITH_ID = `${DATA}${EVENT}${ID_LINE}${"0".repeat(SEQUENCE_DIGITS)}${FRAME_END}`;
const TEMPLATE = Buffer.from(FRAME.repeat(MAX_FRAMES_PER_WRITE), "latin1");
const TEMPLATE_WITH_IDS = Buffer.from(FRAME_WITH_ID.repeat(MAX_FRAMES_PER_WRITE), "latin1");

/**
 * Each event has the hash of itself and of all before it. They are made by copying and patching digits, so that the
 * sender is never what limits a throughput. With `hasIds` each frame has its number as id.
 */
export function createNumberedFrames({
  hasIds = false,
}: { readonly hasIds?: boolean } = {}): NumberedFrames {
  const template = hasIds ? TEMPLATE_WITH_IDS : TEMPLATE;
  const frameBytes = template.length / MAX_FRAMES_PER_WRITE;
  let sequence = FIRST_SEQUENCE;
  let hash = FIRST_HASH;
  return {
    next(count, nowMs) {
      const frames = Buffer.from(template.subarray(0, count * frameBytes));
      for (let at = DATA.length; at < frames.length; at += frameBytes) {
        writeDigits(frames, at + SEQUENCE_AT, SEQUENCE_DIGITS, sequence);
        writeDigits(frames, at + TIME_AT, TIME_DIGITS, nowMs);
        hash = hashAfter(hash, frames.subarray(at, at + HASH_AT));
        writeHash(frames, at + HASH_AT, hash);
        if (hasIds)
          writeDigits(frames, at + EVENT.length + ID_LINE.length, SEQUENCE_DIGITS, sequence);
        sequence += 1;
      }
      return frames;
    },
  };
}

function writeDigits(bytes: Buffer, at: number, digits: number, value: number): void {
  let rest = value;
  for (let index = at + digits - 1; index >= at; index -= 1) {
    bytes[index] = ZERO + (rest % 10);
    rest = Math.floor(rest / 10);
  }
}

function writeHash(bytes: Buffer, at: number, hash: number): void {
  let rest = hash;
  for (let index = at + HASH_DIGITS - 1; index >= at; index -= 1) {
    const digit = rest & 15;
    bytes[index] = digit < 10 ? ZERO + digit : LETTER_A + digit - 10;
    rest >>>= 4;
  }
}
