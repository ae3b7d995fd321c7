import { RunlogError } from "../../ports/errors.ts";
import {
  type JsonKind,
  type JsonMember,
  kindAt,
  membersInParts,
} from "../../stream/json/json-walk.ts";
import type { Splice } from "../../stream/json/splice.ts";

const MAX_MEMBERS = 4_096;

const decoder = new TextDecoder();

/** The members of an object in a body, by their names. */
export type Members = ReadonlyMap<string, JsonMember>;

/** The members of the object at `at`; a name given twice would mean different things to readers. */
export function* membersOf(
  bytes: Uint8Array,
  at: number,
  name: string,
): Generator<void, Members, undefined> {
  const found = new Map<string, JsonMember>();
  for (const member of membersInParts(bytes, at)) {
    if (!member) {
      yield;
      continue;
    }
    if (found.has(member.key)) throw invalid(`${name && `${name}.`}${member.key} is given twice`);
    if (found.size === MAX_MEMBERS)
      throw invalid(`${name || "the body"} has more than ${MAX_MEMBERS} members`);
    found.set(member.key, member);
  }
  return found;
}

/** What a member is set to. */
export type MemberValue = string | Readonly<Record<string, string>>;

/** Sets members of the object at `at`: in place where they are, else at its beginning. */
export function setMembers(
  bytes: Uint8Array,
  at: number,
  object: Members,
  values: Readonly<Record<string, MemberValue>>,
): Splice[] {
  const splices: Splice[] = [];
  const added: string[] = [];
  for (const [key, value] of Object.entries(values)) {
    const text = JSON.stringify(value);
    const member = object.get(key);
    if (!member) added.push(`${JSON.stringify(key)}:${text}`);
    else if (!isText(bytes, member, value))
      splices.push({ start: member.valueStart, end: member.valueEnd, text });
  }
  if (added.length > 0) {
    const text = added.join(",") + (object.size > 0 ? "," : "");
    splices.push({ start: at + 1, end: at + 1, text });
  }
  return splices;
}

/** `null` counts as absent: clients that know no "not given" send it. */
export function presentMember(
  bytes: Uint8Array,
  member: JsonMember | undefined,
): JsonMember | null {
  return member && kindAt(bytes, member.valueStart) !== "null" ? member : null;
}

export function expectKind(
  bytes: Uint8Array,
  member: JsonMember | undefined,
  name: string,
  kind: JsonKind,
): void {
  const present = presentMember(bytes, member);
  if (!present || kindAt(bytes, present.valueStart) === kind) return;
  throw invalid(`${name} must be ${/^[aeiou]/.test(kind) ? "an" : "a"} ${kind}`);
}

export function textOf(bytes: Uint8Array, member: JsonMember | undefined): string {
  const present = presentMember(bytes, member);
  if (!present) return "";
  const text = decoder.decode(bytes.subarray(present.valueStart, present.valueEnd));
  return String(JSON.parse(text));
}

/** Whether the member is a string that equals `value` already. */
function isText(bytes: Uint8Array, member: JsonMember, value: MemberValue): boolean {
  return kindAt(bytes, member.valueStart) === "string" && textOf(bytes, member) === value;
}

export function roleOf(bytes: Uint8Array, member: JsonMember | undefined): string {
  return member && kindAt(bytes, member.valueStart) === "string" ? textOf(bytes, member) : "";
}

export function invalid(reason: string): RunlogError {
  return new RunlogError("invalid-input", `invalid input: ${reason}`);
}
