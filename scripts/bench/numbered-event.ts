import { HASH_DIGITS } from "./hash-chain.ts";

/** Numbers of the fake runner's events begin here, so that all have seven digits. */
export const FIRST_SEQUENCE = 1_000_000;

export const SEQUENCE_DIGITS = 7;
export const TIME_DIGITS = 13;

/** Length of an event with its frame, `data: ` and two line feeds. */
const FRAME_BYTES = 150;
export const DATA = "data: ";
export const FRAME_END = "\n\n";

/** How each numbered event begins, and nothing else that the fake runner sends. */
export const EVENT_START = '{"type":"TEXT_MESSAGE_CONTENT","messageId":"bench-message","delta":"';
const SEQUENCE_KEY = '","seq":';
const TIME_KEY = ',"timestamp":';
const HASH_KEY = ',"hash":"';
/** How each ends, after its hash. */
export const EVENT_END = '"}';

const FIXED =
  EVENT_START.length +
  SEQUENCE_KEY.length +
  SEQUENCE_DIGITS +
  TIME_KEY.length +
  TIME_DIGITS +
  HASH_KEY.length +
  HASH_DIGITS +
  EVENT_END.length;
const DELTA_CHARS = FRAME_BYTES - DATA.length - FRAME_END.length - FIXED;
const DELTA = "word ".repeat(DELTA_CHARS).slice(0, DELTA_CHARS);

/** Where the fields of an event begin, in bytes. */
export const SEQUENCE_AT: number = EVENT_START.length + DELTA.length + SEQUENCE_KEY.length;
export const TIME_AT: number = SEQUENCE_AT + SEQUENCE_DIGITS + TIME_KEY.length;
export const HASH_AT: number = TIME_AT + TIME_DIGITS + HASH_KEY.length;

/** A numbered event with zeros in its fields; the hash is that of all bytes before it, in a chain. */
export const EVENT: string = [
  EVENT_START,
  DELTA,
  SEQUENCE_KEY,
  "0".repeat(SEQUENCE_DIGITS),
  TIME_KEY,
  "0".repeat(TIME_DIGITS),
  HASH_KEY,
  "0".repeat(HASH_DIGITS),
  EVENT_END,
].join("");
