import { hashText, type MessageDigest, shortHash } from "../model/posted-message-ids.ts";

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const SPACE = 0x20;

const FIRST = 0x811c9dc5;
const FACTOR = 0x01000193;
const EMPTY_OBJECT = 1;
const EMPTY_ARRAY = 2;

/** Bytes of a turn: some milliseconds of work. */
const TURN_BYTES = 1024 * 1024;

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const hashOfText = (text: string): number => hashOfBytes(encoder.encode(text));

const NULL = hashOfText("null");
const EMPTY_TEXT = mixed(hashOfText("") + 1);
const METADATA = hashOfText("metadata");
const CONTENT = hashOfText("content");
const TOOL_CALLS = hashOfText("toolCalls");
/** Members of `metadata` that the server sets, whoever posts the message. */
const SENDER: ReadonlySet<number> = new Set(["senderId", "senderDisplayName"].map(hashOfText));

/** An object or array that has begun. */
interface Frame {
  readonly isObject: boolean;
  /** Whether it is the message itself. */
  readonly isMessage: boolean;
  /** Whether it is the metadata of the message. */
  readonly isMetadata: boolean;
  hash: number;
  /** Of an object: the key whose value comes, or null if a key does. */
  key: number | null;
}

/**
 * The digest of the message with this id; `json` is its text, valid JSON. Messages with the same
 * content have the same digest whatever the order of their members, spaces and escapes, since
 * clients that have read a message write it again in their own way. The sender is ignored, and null
 * is the same as absent, as is an empty text or list of tool calls.
 */
export function digestOf(id: string, json: Uint8Array): MessageDigest {
  return { id: shortHash(hashText(id)), content: hashOfJson(json) };
}

/** The digests of messages, computed in several turns of the event loop if there are many. */
export async function digestsOf(
  messages: readonly { readonly id: string; readonly posted: Uint8Array }[],
): Promise<MessageDigest[]> {
  const digests: MessageDigest[] = [];
  let bytes = 0;
  for (const { id, posted } of messages) {
    digests.push(digestOf(id, posted));
    bytes += posted.length;
    if (bytes < TURN_BYTES) continue;
    bytes = 0;
    await new Promise<void>((resolve) => setTimeout(resolve, 0));
  }
  return digests;
}

function hashOfJson(json: Uint8Array): number {
  const frames: Frame[] = [];
  let whole = 0;
  const add = (hash: number): void => {
    const top = frames.at(-1);
    if (top) addTo(top, hash);
    else whole = hash;
  };
  for (let at = 0; at < json.length;) {
    const byte = json[at] ?? SPACE;
    if (byte <= SPACE || byte === COMMA || byte === COLON) {
      at++;
      continue;
    }
    const end = tokenEnd(json, at);
    if (byte === OPEN_BRACE || byte === OPEN_BRACKET) frames.push(opened(byte, frames));
    else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) add(mixed(frames.pop()?.hash ?? 0));
    else {
      const isText = byte === QUOTE;
      const hash = isText ? hashOfString(json, at, end) : hashOfBytes(json, at, end);
      const top = frames.at(-1);
      if (top?.isObject && top.key === null) top.key = hash;
      else add(isText ? mixed(hash + 1) : hash);
    }
    at = end;
  }
  return whole >>> 0;
}

function opened(byte: number, frames: readonly Frame[]): Frame {
  const isObject = byte === OPEN_BRACE;
  const isMessage = frames.length === 0;
  const isMetadata = isObject && frames.length === 1 && frames[0]?.key === METADATA;
  return {
    isObject,
    isMessage,
    isMetadata,
    hash: isObject ? EMPTY_OBJECT : EMPTY_ARRAY,
    key: null,
  };
}

/** Members are added up, so that their order is none; elements are multiplied into each other. */
function addTo(frame: Frame, value: number): void {
  const { isObject, isMessage, isMetadata, key } = frame;
  if (!isObject || key === null) {
    frame.hash = Math.imul(frame.hash ^ value, FACTOR);
    return;
  }
  frame.key = null;
  const isAbsent =
    value === NULL ||
    (isMetadata && SENDER.has(key)) ||
    (isMessage && key === CONTENT && value === EMPTY_TEXT) ||
    (isMessage && key === TOOL_CALLS && value === mixed(EMPTY_ARRAY)) ||
    (key === METADATA && value === mixed(EMPTY_OBJECT));
  if (!isAbsent) frame.hash = (frame.hash + mixed(Math.imul(key, 0x9e3779b1) ^ value)) | 0;
}

/** Where the token at `at` ends: a bracket, a string, or a literal. */
function tokenEnd(json: Uint8Array, at: number): number {
  const first = json[at];
  if (first === QUOTE) {
    let end = at + 1;
    while (json[end] !== QUOTE) end += json[end] === BACKSLASH ? 2 : 1;
    return end + 1;
  }
  let end = at + 1;
  if (isBracket(first)) return end;
  while (end < json.length && !isLiteralEnd(json[end])) end++;
  return end;
}

function isBracket(byte: number | undefined): boolean {
  return (
    byte === OPEN_BRACE || byte === CLOSE_BRACE || byte === OPEN_BRACKET || byte === CLOSE_BRACKET
  );
}

function isLiteralEnd(byte: number | undefined): boolean {
  return byte === undefined || byte <= SPACE || byte === COMMA || isBracket(byte);
}

/** The hash of a string's content: that of its bytes where nothing is escaped. */
function hashOfString(json: Uint8Array, start: number, end: number): number {
  for (let at = start; at < end; at++)
    if (json[at] === BACKSLASH)
      return hashOfText(String(JSON.parse(decoder.decode(json.subarray(start, end)))));
  return hashOfBytes(json, start + 1, end - 1);
}

function hashOfBytes(bytes: Uint8Array, start = 0, end = bytes.length): number {
  let hash = FIRST;
  for (let at = start; at < end; at++) hash = Math.imul(hash ^ (bytes[at] ?? 0), FACTOR);
  return mixed(hash);
}

function mixed(hash: number): number {
  const half = Math.imul(hash ^ (hash >>> 15), 0x85ebca6b);
  return (half ^ (half >>> 13)) | 0;
}
