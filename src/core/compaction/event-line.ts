import type { ByteRange } from "../model/byte-range.ts";
import { kindAt, skipSpace, skipValue } from "../../stream/json/json-walk.ts";
import { sameBytes, StringCache } from "../../stream/bytes/string-cache.ts";
import type { CompactedAs, EventType } from "../model/event-type.ts";
import { EVENT_TYPES } from "../model/event-types.ts";

/** The kinds of lines that compaction tells apart; an odd line may be any of them. */
export type LineKind = CompactedAs | "odd";

interface Known {
  readonly kind: LineKind;
  /** The member that names the item. */
  readonly idKey: string;
  /** The member that compaction changes. */
  readonly bodyKey: string;
}

const OTHER: Known = { kind: "other", idKey: "", bodyKey: "delta" };
const ODD: Known = { ...OTHER, kind: "odd" };

const TYPES: ReadonlyMap<string, Known> = new Map(
  Object.entries<EventType>(EVENT_TYPES)
    .filter(([, { compactedAs }]) => compactedAs !== "other")
    .map(([type, { compactedAs: kind, item, chunk }]) => {
      const idKey = (item ?? chunk)?.idKey ?? "";
      return [type, { kind, idKey, bodyKey: kind === "snapshot" ? "snapshot" : "delta" }];
    }),
);

/** Members whose names are compared. All others are compared as bytes and never parsed. */
const KEYS = [
  "type",
  "messageId",
  "toolCallId",
  "delta",
  "snapshot",
  "metadata",
  "timestamp",
  "rawEvent",
];
/** Those in which two events may differ that are merged; the first event's value stays. */
const FREE_KEYS: ReadonlySet<string> = new Set(["timestamp", "rawEvent"]);

const MOST_MEMBERS = 32;
/** Of each member: where it begins, where its value begins, where both end, and its index in KEYS. */
const FIELDS = 4;
/** The index of a name with escapes, which may be any name. */
const ESCAPED = -2;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;
const COMMA = 0x2c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

const encoder = new TextEncoder();
const KEY_BYTES = KEYS.map((key) => encoder.encode(key));

/**
 * Finds the top-level members of one line without decoding their values. It is used again for each
 * line.
 *
 * A line that is no plain object is odd: a member named twice or with escapes, a type or an id that
 * is no plain string, too many members, no object at all. Whether the rest is valid JSON is not
 * checked here: it has to be checked before anything is made of the line.
 */
export class EventLine {
  /** Where each member and its value begin and end, and which of KEYS it is. */
  readonly #fields = new Int32Array(MOST_MEMBERS * FIELDS);
  #length = 0;
  /** For each of KEYS where in `#fields` its member is, or -1. */
  readonly #places = new Int32Array(KEYS.length);
  readonly #strings = new StringCache();
  #known: Known = ODD;

  /** The event's type; empty for an odd line. */
  type = "";
  bytes: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  start = 0;
  /** Where the line ends, its LF not counted. */
  end = 0;
  /** The id of a delta or chunk; empty if it has none. */
  id = "";
  /** The value that compaction changes: a delta or a snapshot. Null if there is none. */
  body: ByteRange | null = null;
  /** The event's metadata, if that is an object. */
  metadata: ByteRange | null = null;
  /** The event's time, whatever its value is. */
  timestamp: ByteRange | null = null;

  /** Reads the line from `start` up to `end`; returns its kind. */
  read(bytes: Uint8Array<ArrayBuffer>, start: number, end: number): LineKind {
    this.bytes = bytes;
    this.start = start;
    this.end = end;
    this.type = "";
    this.#known = this.#split() ? this.#understand() : ODD;
    return this.#known.kind;
  }

  /** How many members the line has; not for an odd one. */
  get memberCount(): number {
    return this.#length / FIELDS;
  }

  /**
   * Visits, in order, the bytes of every member that two events must share to be merged. Ends when
   * `visit` returns false, and then returns false too.
   */
  invariantMembers(visit: (start: number, end: number) => boolean): boolean {
    const { bodyKey, kind } = this.#known;
    const isState = kind === "snapshot" || kind === "patch";
    for (let at = 0; at < this.#length; at += FIELDS) {
      const key = KEYS[this.#fields[at + 3]!] ?? "";
      if (key === bodyKey || FREE_KEYS.has(key)) continue;
      if (key === "metadata" && this.metadata) continue;
      if (key === "type" && isState) continue;
      if (!visit(this.#fields[at]!, this.#fields[at + 2]!)) return false;
    }
    return true;
  }

  /** Finds the members; false if the line is no plain object. */
  #split(): boolean {
    const { bytes, end } = this;
    const fields = this.#fields;
    this.#length = 0;
    this.#places.fill(-1);
    let at = skipSpace(bytes, this.start);
    if (bytes[at] !== OPEN_BRACE) return false;
    at = skipSpace(bytes, at + 1);
    while (bytes[at] === QUOTE) {
      const field = this.#length;
      const keyEnd = bytes.indexOf(QUOTE, at + 1);
      if (field === fields.length || keyEnd < 0 || keyEnd >= end) return false;
      const key = keyIndex(bytes, at + 1, keyEnd);
      if (key === ESCAPED || (key >= 0 && this.#places[key] !== -1)) return false;
      if (key >= 0) this.#places[key] = field;
      fields[field] = at;
      at = skipSpace(bytes, keyEnd + 1);
      if (bytes[at] !== COLON) return false;
      const valueStart = skipSpace(bytes, at + 1);
      at = skipValue(bytes, valueStart);
      if (at > end) return false;
      fields[field + 1] = valueStart;
      fields[field + 2] = at;
      fields[field + 3] = key;
      this.#length += FIELDS;
      at = skipSpace(bytes, at);
      if (bytes[at] !== COMMA) break;
      at = skipSpace(bytes, at + 1);
    }
    return bytes[at] === CLOSE_BRACE && skipSpace(bytes, at + 1) >= end;
  }

  #understand(): Known {
    this.id = "";
    const type = this.#valueOf("type");
    const name = type && this.#plainString(type);
    if (name === null) return ODD;
    this.type = name;
    const found = TYPES.get(name);
    if (!found) return OTHER;
    const metadata = this.#valueOf("metadata");
    this.metadata = metadata && kindAt(this.bytes, metadata.start) === "object" ? metadata : null;
    this.timestamp = this.#valueOf("timestamp");
    this.body = this.#valueOf(found.bodyKey);
    const id = found.idKey === "" ? null : this.#valueOf(found.idKey);
    if (id) {
      const text = this.#plainString(id);
      if (text === null) return ODD;
      this.id = text;
    }
    return found;
  }

  #valueOf(key: string): ByteRange | null {
    const field = this.#places[KEYS.indexOf(key)]!;
    return field === -1 ? null : { start: this.#fields[field + 1]!, end: this.#fields[field + 2]! };
  }

  /** The text of a string without escapes; null for everything else. */
  #plainString({ start, end }: ByteRange): string | null {
    const { bytes } = this;
    if (bytes[start] !== QUOTE) return null;
    for (let at = start + 1; at < end - 1; at++) if (bytes[at] === BACKSLASH) return null;
    return this.#strings.decode(bytes, start + 1, end - 1);
  }
}

/** Which of KEYS the name between two quotes is, or -1. */
function keyIndex(bytes: Uint8Array, from: number, to: number): number {
  for (let at = from; at < to; at++) if (bytes[at] === BACKSLASH) return ESCAPED;
  for (let index = 0; index < KEY_BYTES.length; index++)
    if (sameBytes(KEY_BYTES[index]!, bytes, from, to)) return index;
  return -1;
}
