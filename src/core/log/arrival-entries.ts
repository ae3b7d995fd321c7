/**
 * When what was stored arrived: the log `times`, which has an entry of 30 bytes now and then, in the order of the raw log:
 *
 *     offset(15) SP epoch-ms(13) LF
 *
 * What lies in the raw log from `offset` on, up to that of the next entry, arrived at that time or less than
 * `ENTRY_MS` after it. Events themselves often have no time, and it cannot be had again later. A crash may take the entries of what
 * was stored last; what there is then counts as of the entry before.
 */

/** An entry. */
export interface ArrivalEntry {
  /** Offset in the raw log: where an append began. */
  readonly offset: number;
  /** Epoch ms. */
  readonly ms: number;
}

/** For so long in ms after an entry there is no other. */
export const ENTRY_MS = 250;

export const ENTRY_BYTES = 30;

const OFFSET_DIGITS = 15;
const MS_DIGITS = 13;
const MAX_MS = 10 ** MS_DIGITS - 1;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export function encodeArrival({ offset, ms }: ArrivalEntry): Uint8Array {
  const time = Math.min(MAX_MS, Math.max(0, Math.trunc(ms)));
  const text = `${String(offset).padStart(OFFSET_DIGITS, "0")} ${String(time).padStart(MS_DIGITS, "0")}\n`;
  return encoder.encode(text);
}

/** The entry that begins at an offset of some bytes of the log; null for what is none. */
export function decodeArrival(bytes: Uint8Array, at: number): ArrivalEntry | null {
  const match = /^(\d{15}) (\d{13})\n$/.exec(decoder.decode(bytes.subarray(at, at + ENTRY_BYTES)));
  return match && { offset: Number(match[1]), ms: Number(match[2]) };
}
