/** Numbers of the fake runner's events begin here, so that all have seven digits. */
export const FIRST_SEQUENCE = 1_000_000;

/** Length of an event of the fake runner with its frame, `data: ` and two line feeds. */
const FRAME_BYTES = 150;

/** The most frames that one call of `numberedFrames` makes. */
export const MAX_FRAMES_PER_WRITE = 400;

const SEQUENCE_DIGITS = 7;
const TIME_DIGITS = 13;
const ZERO = 48;
const SEQUENCE_KEY = '"seq":';
const TIME_KEY = ',"timestamp":';
/** From the sequence's key to after the time's last digit. */
const FIELDS_BYTES = SEQUENCE_KEY.length + SEQUENCE_DIGITS + TIME_KEY.length + TIME_DIGITS;

/**
 * Frames of numbered events, `count` from `first` on, stamped with the time in epoch ms. Made by
 * copying and patching digits, so that the sender is never what limits a throughput.
 */
export function numberedFrames(first: number, count: number, nowMs: number): Buffer {
  return filled(TEMPLATE, { first, count, nowMs });
}

/** The same frames with their numbers as ids. */
export function framesWithIds(first: number, count: number, nowMs: number): Buffer {
  const frames = filled(TEMPLATE_WITH_IDS, { first, count, nowMs });
  const frameBytes = TEMPLATE_WITH_IDS.length / MAX_FRAMES_PER_WRITE;
  for (let end = frameBytes; end <= frames.length; end += frameBytes)
    writeDigits(frames, end - AFTER_ID.length - SEQUENCE_DIGITS, SEQUENCE_DIGITS, first++);
  return frames;
}

interface Numbered {
  readonly first: number;
  readonly count: number;
  readonly nowMs: number;
}

function filled(template: Buffer, { first, count, nowMs }: Numbered): Buffer {
  const frameBytes = template.length / MAX_FRAMES_PER_WRITE;
  const frames = Buffer.from(template.subarray(0, count * frameBytes));
  for (let index = 0; index < count; index += 1) {
    const at = index * frameBytes + FIELDS_AT + SEQUENCE_KEY.length;
    writeDigits(frames, at, SEQUENCE_DIGITS, first + index);
    writeDigits(frames, at + SEQUENCE_DIGITS + TIME_KEY.length, TIME_DIGITS, nowMs);
  }
  return frames;
}

const BEFORE = 'data: {"type":"TEXT_MESSAGE_CONTENT","messageId":"bench-message","delta":"';
const FIELDS = `${SEQUENCE_KEY}${"0".repeat(SEQUENCE_DIGITS)}${TIME_KEY}${"0".repeat(TIME_DIGITS)}`;
const AFTER = `",${FIELDS}}\n\n`;
const AFTER_ID = "\n\n";
const DELTA = "word ".repeat(FRAME_BYTES).slice(0, FRAME_BYTES - BEFORE.length - AFTER.length);
const FRAME = `${BEFORE}${DELTA}${AFTER}`;
const FIELDS_AT = FRAME.indexOf(FIELDS);
const TEMPLATE = Buffer.from(FRAME.repeat(MAX_FRAMES_PER_WRITE), "latin1");
const FRAME_WITH_ID = `${FRAME.slice(0, -1)}id: ${"0".repeat(SEQUENCE_DIGITS)}${AFTER_ID}`;
const TEMPLATE_WITH_IDS = Buffer.from(FRAME_WITH_ID.repeat(MAX_FRAMES_PER_WRITE), "latin1");

/** What a viewer makes of the numbers that it saw. */
export interface SequenceReader {
  add(bytes: Buffer): void;
  /** Events seen. */
  readonly count: number;
  /** How often an event did not follow on the one before: lost, repeated or out of order. */
  readonly breaks: number;
}

/** Follows the numbers of the fake runner's events through any stream that holds their bytes. */
export function createSequenceReader(onEvent?: (sentAtMs: number) => void): SequenceReader {
  const needle = Buffer.from(SEQUENCE_KEY, "latin1");
  let carry: Buffer = Buffer.alloc(0);
  let count = 0;
  let breaks = 0;
  let expected = FIRST_SEQUENCE;
  return {
    add(bytes) {
      const text = carry.length === 0 ? bytes : Buffer.concat([carry, bytes]);
      let from = 0;
      for (;;) {
        const at = text.indexOf(needle, from);
        if (at < 0 || at + FIELDS_BYTES > text.length) {
          const rest = at < 0 ? Math.max(from, text.length - needle.length + 1) : at;
          carry = Buffer.from(text.subarray(rest));
          return;
        }
        const digitsAt = at + SEQUENCE_KEY.length;
        const sequence = readDigits(text, digitsAt, SEQUENCE_DIGITS);
        count += 1;
        if (sequence !== expected) breaks += 1;
        expected = sequence + 1;
        onEvent?.(readDigits(text, digitsAt + SEQUENCE_DIGITS + TIME_KEY.length, TIME_DIGITS));
        from = at + FIELDS_BYTES;
      }
    },
    get count() {
      return count;
    },
    get breaks() {
      return breaks;
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

function readDigits(bytes: Buffer, at: number, digits: number): number {
  let value = 0;
  for (let index = at; index < at + digits; index += 1)
    value = value * 10 + (bytes[index] ?? 0) - ZERO;
  return value;
}
