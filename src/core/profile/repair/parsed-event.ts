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

  /** As `read`, for long bytes that are given in pieces. */
  static *readInSteps(pieces: readonly Uint8Array<ArrayBuffer>[]): Steps<ParsedEvent | null> {
    const bytes = yield* concatInSteps(pieces);
    if (!(yield* scanInParts(new JsonObjectScanner([]), bytes))) return null;
    const line = new ParsedEvent(bytes);
    const found = new Map<string, JsonMember>();
    for (const member of membersInParts(bytes, 0)) {
      if (member) found.set(member.key, member);
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
    const member = this.#members.get(key);
    if (!member || this.bytes[member.valueStart] !== QUOTE) return null;
    let text = this.#texts.get(key);
    if (text === undefined) {
      const quoted = decoder.decode(this.bytes.subarray(member.valueStart, member.valueEnd));
      text = quoted.includes("\\") ? String(JSON.parse(quoted)) : quoted.slice(1, -1);
      this.#texts.set(key, text);
    }
    return text;
  }

  /** A member's value, undefined if it is missing. */
  json(key: string): unknown {
    const raw = this.raw(key);
    return raw ? JSON.parse(decoder.decode(raw)) : undefined;
  }

  /** As `json`, with numbers for which `JSON.stringify` returns their text. */
  exact(key: string): unknown {
    const raw = this.raw(key);
    return raw ? parseExact(raw) : undefined;
  }

  /** As `exact`, for a value that may be long. */
  *exactInSteps(key: string): Steps<unknown> {
    const raw = this.raw(key);
    return raw ? yield* parseInSteps(raw) : undefined;
  }

  /** The bytes of a member's value. */
  raw(key: string): Uint8Array<ArrayBuffer> | null {
    const member = this.#members.get(key);
    return member ? this.bytes.subarray(member.valueStart, member.valueEnd) : null;
  }

  /** The line with some members changed, added or taken away; every other value keeps its bytes. */
  with(changes: MemberChanges): ParsedEvent {
    return new ParsedEvent(concatBytes(this.#changed(changes)));
  }

  /** As `with`, where values may be long. */
  *withInSteps(changes: MemberChanges): Steps<ParsedEvent> {
    return new ParsedEvent(yield* concatInSteps(this.#changed(changes)));
  }

  #changed(changes: MemberChanges): Uint8Array<ArrayBuffer>[] {
    const pieces: Uint8Array<ArrayBuffer>[] = [];
    for (const [key, { keyStart, valueStart, valueEnd }] of this.#members) {
      const change = Object.hasOwn(changes, key) ? changes[key] : undefined;
      if (change === null) continue;
      pieces.push(pieces.length === 0 ? OPEN : COMMA);
      const end = change === undefined ? valueEnd : valueStart;
      pieces.push(this.bytes.subarray(keyStart, end));
      if (change !== undefined) pieces.push(...encoded(change));
    }
    for (const [key, change] of Object.entries(changes)) {
      if (change === null || this.#members.has(key)) continue;
      pieces.push(pieces.length === 0 ? OPEN : COMMA);
      pieces.push(encoder.encode(`${JSON.stringify(key)}:`), ...encoded(change));
    }
    if (pieces.length === 0) pieces.push(OPEN);
    pieces.push(CLOSE);
    return pieces;
  }

  /** An object whose text is given in pieces. */
  static *joined(pieces: readonly Uint8Array<ArrayBuffer>[]): Steps<ParsedEvent> {
    return new ParsedEvent(yield* concatInSteps(pieces));
  }

  /** Another object around a value that is given as bytes. */
  static around(before: string, value: Uint8Array<ArrayBuffer>, after: string): ParsedEvent {
    return new ParsedEvent(concatBytes([encoder.encode(before), value, encoder.encode(after)]));
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
