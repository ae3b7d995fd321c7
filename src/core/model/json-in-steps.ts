import { concatBytes } from "../../stream/bytes/concat.ts";
import { encodeInSteps } from "../../stream/json/encode-in-steps.ts";
import {
  elementsInParts,
  type JsonRange,
  kindAt,
  membersInParts,
} from "../../stream/json/json-walk.ts";
import type { Steps } from "../../stream/sync/steps.ts";
import { textParts } from "../../stream/json/text-parts.ts";
import { parseExact } from "./exact-json.ts";
import { isObject } from "./json-fields.ts";
import { isContainer, setMember } from "./json-value.ts";

/** JSON of no more bytes is parsed at once. */
const PART_BYTES = 64 * 1024;
/** Bytes of a long text that are decoded in one step. */
const STEP_BYTES = 1024 * 1024;
/** Most levels at which values are taken apart: each level goes over everything within it. */
const MAX_NESTED = 16;

/** Values, and characters of text in them, that are written in one step. */
const PART_VALUES = 4_096;
const PART_CHARS = 64 * 1024;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
const BACKSLASH = 0x5c;
const LETTER_U = 0x75;
/** The longest escape. */
const ESCAPE_BYTES = 6;
/** Most bytes of a character after its first. */
const CONTINUATIONS = 3;
const [OPEN_BRACKET, CLOSE_BRACKET] = [encoder.encode("["), encoder.encode("]")];
const [OPEN_BRACE, CLOSE_BRACE] = [encoder.encode("{"), encoder.encode("}")];

/** What `parseExact` gives, for JSON that may be long. */
export function parseInSteps(bytes: Uint8Array): Steps<unknown> {
  return parsed(bytes, MAX_NESTED);
}

function* parsed(bytes: Uint8Array, nested: number): Steps<unknown> {
  const kind = bytes.length > PART_BYTES && nested > 0 ? kindAt(bytes, 0) : null;
  if (kind === "array") {
    const list: unknown[] = [];
    for (const part of partsOf(elementsInParts(bytes, 0))) {
      if (part?.long) list.push(yield* parsed(bytesIn(bytes, part.long), nested - 1));
      else if (part) for (const value of parsedList(bytesIn(bytes, part))) list.push(value);
      yield;
    }
    return list;
  }
  if (kind === "string") return yield* parsedText(bytes);
  if (kind !== "object") return parseExact(bytes);
  const object: Record<string, unknown> = {};
  for (const part of partsOf(membersAsRanges(bytes))) {
    if (part?.long) {
      const { key, valueStart: start, end } = part.long;
      setMember(object, key, yield* parsed(bytesIn(bytes, { start, end }), nested - 1));
    } else if (part) {
      const members = parsedObject(bytesIn(bytes, part));
      for (const key of Object.keys(members)) setMember(object, key, members[key]);
    }
    yield;
  }
  return object;
}

function* parsedText(bytes: Uint8Array): Steps<string> {
  const isPlain = !bytes.includes(BACKSLASH);
  const end = bytes.length - 1;
  let text = "";
  for (let from = 1; from < end;) {
    const to = textPartEnd(bytes, from, Math.min(from + (isPlain ? STEP_BYTES : PART_BYTES), end));
    const part = decoder.decode(bytes.subarray(from, to));
    text += isPlain ? part : String(JSON.parse(`"${part}"`));
    from = to;
    yield;
  }
  return text;
}

/** Where a part of a text ends that is not to go beyond `most`: within no escape and no character. */
function textPartEnd(bytes: Uint8Array, from: number, most: number): number {
  let end = most;
  while (end > most - CONTINUATIONS && isContinuation(bytes[end]!)) end--;
  for (let at = end - 1; at >= from && end - at <= ESCAPE_BYTES; at--) {
    if (bytes[at] !== BACKSLASH) continue;
    // of several in a row every second one is escaped by the one before it
    let first = at;
    while (first > from && bytes[first - 1] === BACKSLASH) first--;
    const escape = (at - first) % 2 === 0 ? at : at - 1;
    const isCut = escape + (bytes[escape + 1] === LETTER_U ? ESCAPE_BYTES : 2) > end;
    return isCut ? escape : end;
  }
  return end;
}

function isContinuation(byte: number): boolean {
  return byte >= 0x80 && byte < 0xc0;
}

/** Neighbours that are parsed at once, or one that is long by itself. */
interface Part<T> extends JsonRange {
  readonly long: T | null;
}

/** The members or elements in parts; null whenever another task should have a turn. */
function* partsOf<T extends JsonRange>(
  ranges: Iterable<T | null>,
): Generator<Part<T> | null, void, undefined> {
  let start = -1;
  let end = -1;
  for (const range of ranges) {
    if (!range) {
      yield null;
      continue;
    }
    if (start >= 0 && range.end - start > PART_BYTES) {
      yield { start, end, long: null };
      start = -1;
    }
    if (range.end - range.start > PART_BYTES) yield { ...range, long: range };
    else if (start < 0) start = range.start;
    end = range.end;
  }
  if (start >= 0) yield { start, end, long: null };
}

interface MemberRange extends JsonRange {
  readonly key: string;
  readonly valueStart: number;
}

function* membersAsRanges(bytes: Uint8Array): Generator<MemberRange | null, void, undefined> {
  for (const member of membersInParts(bytes, 0))
    yield (
      member && {
        key: member.key,
        valueStart: member.valueStart,
        start: member.keyStart,
        end: member.valueEnd,
      }
    );
}

function bytesIn(bytes: Uint8Array, { start, end }: JsonRange): Uint8Array {
  return bytes.subarray(start, end);
}

function parsedList(elements: Uint8Array): readonly unknown[] {
  const list = parseExact(concatBytes([OPEN_BRACKET, elements, CLOSE_BRACKET]));
  return Array.isArray(list) ? list : [];
}

function parsedObject(members: Uint8Array): Readonly<Record<string, unknown>> {
  return Object(parseExact(concatBytes([OPEN_BRACE, members, CLOSE_BRACE])));
}

/**
 * The text that `JSON.stringify` returns for a JSON value, encoded, in pieces. The value must not
 * change until it is done.
 */
export function* writeInSteps(value: unknown): Steps<Uint8Array<ArrayBuffer>[]> {
  const writer = new PieceWriter();
  yield* written(value, writer, MAX_NESTED);
  return writer.end();
}

class PieceWriter {
  readonly #pieces: Uint8Array<ArrayBuffer>[] = [];
  #text = "";

  *write(text: string): Steps {
    const isLong = text.length > PART_CHARS;
    if (!isLong) this.#text += text;
    if (isLong || this.#text.length > PART_CHARS) this.#encode();
    if (isLong) yield* encodeInSteps(text, this.#pieces);
  }

  end(): Uint8Array<ArrayBuffer>[] {
    this.#encode();
    return this.#pieces;
  }

  #encode(): void {
    if (this.#text !== "") this.#pieces.push(encoder.encode(this.#text));
    this.#text = "";
  }
}

function* written(value: unknown, writer: PieceWriter, nested: number): Steps {
  if (typeof value === "string" && value.length > PART_CHARS) {
    let quote = '"';
    for (const part of textParts(value, PART_CHARS)) {
      yield* writer.write(`${quote}${JSON.stringify(part).slice(1, -1)}`);
      quote = "";
      yield;
    }
    yield* writer.write('"');
    return;
  }
  if (!isContainer(value) || nested === 0 || isSmall(value)) {
    const json = JSON.stringify(value);
    yield;
    yield* writer.write(json);
    return;
  }
  const isList = Array.isArray(value);
  let before = isList ? "[" : "{";
  for (const key of isList ? value.keys() : Object.keys(value)) {
    const member: unknown = isList ? value[Number(key)] : Object(value)[key];
    if (!isList && member === undefined) continue;
    yield* writer.write(isList ? before : `${before}${JSON.stringify(key)}:`);
    yield* written(member ?? null, writer, nested - 1);
    before = ",";
    yield;
  }
  if (before !== ",") yield* writer.write(before);
  yield* writer.write(isList ? "]" : "}");
}

/** Whether a value is written at once. */
export function isSmall(value: unknown): boolean {
  const left: unknown[] = [value];
  let values = 0;
  let chars = 0;
  while (left.length > 0) {
    const next = left.pop();
    if (typeof next === "string") chars += next.length;
    else if (Array.isArray(next)) {
      values += next.length;
      if (values <= PART_VALUES) left.push(...next);
    } else if (isObject(next))
      for (const key in next) {
        values++;
        chars += key.length;
        left.push(next[key]);
        if (values > PART_VALUES) return false;
      }
    if (values > PART_VALUES || chars > PART_CHARS) return false;
  }
  return true;
}
