import { JsonObjectScanner } from "../../../stream/json/json-scan.ts";
import { concatBytes, concatInSteps } from "../../../stream/bytes/concat.ts";
import { scanInParts } from "../../../stream/json/json-parts.ts";
import {
  type JsonKind,
  type JsonMember,
  kindAt,
  members,
  membersInParts,
} from "../../../stream/json/json-walk.ts";
import type { Steps } from "../../../stream/sync/steps.ts";
import { parseExact } from "../../model/exact-json.ts";
import { parseInSteps } from "../../model/json-in-steps.ts";

/** Events of more bytes are processed in steps. */
export const LONG_BYTES: number = 256 * 1024;

/** JSON text, whole or encoded in pieces. */
export type JsonText = string | readonly Uint8Array<ArrayBuffer>[];

/** New values of members; null removes a member. */
export type MemberChanges = Readonly<Record<string, JsonText | null>>;

interface ChangedMembers {
  readonly pieces: readonly Uint8Array<ArrayBuffer>[];
  /** Where the members lie in the pieces. */
  readonly found: ReadonlyMap<string, JsonMember>;
}

/** What takes no more is parsed when it is asked for. */
const PART_BYTES = 64 * 1024;

const RAW_START = '{"type":"RAW","event":';
const RAW_END = ',"source":"runlog"}';

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
const COMMA = Uint8Array.of(0x2c);
const QUOTE = 0x22;
const OPEN = Uint8Array.of(0x7b);
const CLOSE = Uint8Array.of(0x7d);
const scanner = new JsonObjectScanner([]);

/** A JSON object as bytes, whose top-level members are known by name and place. */
export class ParsedEvent {
  readonly bytes: Uint8Array<ArrayBuffer>;
  #found: ReadonlyMap<string, JsonMember> | null = null;
  /** Texts that were read: some are read again and again. */
  readonly #texts = new Map<string, string>();
  /** Values that were parsed before they are asked for. */
  readonly #values = new Map<string, unknown>();
  #isWide = false;

  private constructor(bytes: Uint8Array<ArrayBuffer>) {
    this.bytes = bytes;
  }

  /** Found when the first is read: of most synthetic lines none is. */
  get #members(): ReadonlyMap<string, JsonMember> {
    this.#found ??= membersOf(this.bytes);
    return this.#found;
  }

  /** The object in `bytes`, or null if they are anything else. */
  static read(bytes: Uint8Array<ArrayBuffer>): ParsedEvent | null {
    scanner.reset();
    return scanner.push(bytes, 0, bytes.length) && scanner.end() ? new ParsedEvent(bytes) : null;
  }

  /** The same for bytes that are long, given in pieces; what is too wide is not looked at to its end. */
  static *readInSteps(
    pieces: readonly Uint8Array<ArrayBuffer>[],
    maxMembers: number,
  ): Steps<ParsedEvent | null> {
    const bytes = yield* concatInSteps(pieces);
    if (!(yield* scanInParts(new JsonObjectScanner([]), bytes))) return null;
    const line = new ParsedEvent(bytes);
    const found = new Map<string, JsonMember>();
    for (const member of membersInParts(bytes, 0)) {
      if (member) found.set(member.key, member);
      if (found.size > maxMembers) {
        line.#isWide = true;
        break;
      }
      yield;
    }
    line.#found = found;
    return line;
  }

  static of(event: Readonly<Record<string, unknown>>): ParsedEvent {
    return new ParsedEvent(encoder.encode(JSON.stringify(event)));
  }

  /** Whether it has to be processed in steps. */
  get isLong(): boolean {
    return this.bytes.length > LONG_BYTES;
  }

  /** Whether it has more members than were to be looked for. */
  get isWide(): boolean {
    return this.#isWide;
  }

  get keys(): Iterable<string> {
    return this.#members.keys();
  }

  /** The kind of a member, or null if it is missing. */
  kind(key: string): JsonKind | null {
    const member = this.#members.get(key);
    return member ? kindAt(this.bytes, member.valueStart) : null;
  }

  /** Where a member's value begins, or null if it is missing. */
  valueStart(key: string): number | null {
    return this.#members.get(key)?.valueStart ?? null;
  }

  /** The text of a member that is a string, else null. */
  text(key: string): string | null {
    const known = this.#texts.get(key);
    if (known !== undefined) return known;
    const member = this.#members.get(key);
    if (!member || this.bytes[member.valueStart] !== QUOTE) return null;
    const quoted = decoder.decode(this.bytes.subarray(member.valueStart, member.valueEnd));
    const text = quoted.includes("\\") ? String(JSON.parse(quoted)) : quoted.slice(1, -1);
    this.#texts.set(key, text);
    return text;
  }

  /** A member's value, undefined if it is missing. */
  json(key: string): unknown {
    const raw = this.raw(key);
    return raw ? JSON.parse(decoder.decode(raw)) : undefined;
  }

  /** As `json`, with numbers for which `JSON.stringify` returns their text. */
  exact(key: string): unknown {
    if (this.#values.has(key)) return this.#values.get(key);
    const raw = this.raw(key);
    return raw ? parseExact(raw) : undefined;
  }

  /** As `exact`, for a value that may be long. */
  *exactInSteps(key: string): Steps<unknown> {
    const raw = this.raw(key);
    return raw ? yield* parseInSteps(raw) : undefined;
  }

  /** Parses a member that may be long, so that `text` and `exact` have it at once. */
  *parseAhead(key: string): Steps {
    const raw = this.raw(key);
    if (!raw || raw.length <= PART_BYTES) return;
    const value = yield* parseInSteps(raw);
    this.#values.set(key, value);
    if (typeof value === "string") this.#texts.set(key, value);
  }

  /** A member's value as it stands. */
  raw(key: string): Uint8Array<ArrayBuffer> | null {
    const member = this.#members.get(key);
    return member ? this.bytes.subarray(member.valueStart, member.valueEnd) : null;
  }

  /** The line with some members changed, added or taken away; every other value keeps its bytes. */
  with(changes: MemberChanges): ParsedEvent {
    const { pieces, found } = this.#changed(changes);
    return this.#like(concatBytes(pieces), changes, found);
  }

  /** As `with`, where values may be long. */
  *withInSteps(changes: MemberChanges): Steps<ParsedEvent> {
    const { pieces, found } = this.#changed(changes);
    return this.#like(yield* concatInSteps(pieces), changes, found);
  }

  /** The same event in memory of its own, which it keeps whatever becomes of the chunk it came in. */
  copy(): ParsedEvent {
    const copy = new ParsedEvent(this.bytes.slice());
    copy.#found = this.#found;
    return copy;
  }

  #changed(changes: MemberChanges): ChangedMembers {
    const pieces: Uint8Array<ArrayBuffer>[] = [];
    const found = new Map<string, JsonMember>();
    let at = 0;
    const push = (piece: Uint8Array<ArrayBuffer>): void => {
      pieces.push(piece);
      at += piece.length;
    };
    const member = (key: string, name: Uint8Array<ArrayBuffer>, value: JsonText): void => {
      push(pieces.length === 0 ? OPEN : COMMA);
      const keyStart = at;
      push(name);
      const valueStart = at;
      for (const piece of encoded(value)) push(piece);
      found.set(key, { key, keyStart, valueStart, valueEnd: at });
    };
    for (const [key, { keyStart, valueStart, valueEnd }] of this.#members) {
      const change = Object.hasOwn(changes, key) ? changes[key] : undefined;
      if (change === null) continue;
      const value = change ?? [this.bytes.subarray(valueStart, valueEnd)];
      member(key, this.bytes.subarray(keyStart, valueStart), value);
    }
    for (const [key, change] of Object.entries(changes))
      if (change !== null && !this.#members.has(key))
        member(key, encoder.encode(`${JSON.stringify(key)}:`), change);
    if (pieces.length === 0) pieces.push(OPEN);
    pieces.push(CLOSE);
    return { pieces, found };
  }

  /** An event of these bytes, whose members are known, as are the values that have not changed. */
  #like(
    bytes: Uint8Array<ArrayBuffer>,
    changes: MemberChanges,
    found: ReadonlyMap<string, JsonMember>,
  ): ParsedEvent {
    const line = new ParsedEvent(bytes);
    line.#found = found;
    for (const [key, value] of this.#values)
      if (!Object.hasOwn(changes, key)) line.#values.set(key, value);
    for (const [key, text] of this.#texts)
      if (!Object.hasOwn(changes, key)) line.#texts.set(key, text);
    return line;
  }

  /** An object whose text is given in pieces. */
  static *joined(pieces: readonly Uint8Array<ArrayBuffer>[]): Steps<ParsedEvent> {
    return new ParsedEvent(yield* concatInSteps(pieces));
  }

  /** Another object around a value that is given as bytes. */
  static around(before: string, value: Uint8Array<ArrayBuffer>, after: string): ParsedEvent {
    return new ParsedEvent(concatBytes([encoder.encode(before), value, encoder.encode(after)]));
  }

  /** An event that has this one as it stands. */
  static raw({ bytes }: ParsedEvent): ParsedEvent {
    const line = ParsedEvent.around(RAW_START, bytes, RAW_END);
    line.#texts.set("type", "RAW");
    return line;
  }
}

function encoded(text: JsonText): readonly Uint8Array<ArrayBuffer>[] {
  return typeof text === "string" ? [encoder.encode(text)] : text;
}

function membersOf(bytes: Uint8Array): ReadonlyMap<string, JsonMember> {
  const found = new Map<string, JsonMember>();
  // of a name that is given twice the last counts, as for any parser
  for (const member of members(bytes, 0)) found.set(member.key, member);
  return found;
}
