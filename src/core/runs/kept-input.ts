import { JsonObjectScanner } from "../../stream/json/json-scan.ts";
import { type JsonMember, kindAt, membersInParts, skipSpace } from "../../stream/json/json-walk.ts";
import { putOnOneLine } from "../../stream/json/one-line.ts";
import { type Splice, spliceInSteps } from "../../stream/json/splice.ts";
import type { Steps } from "../../stream/sync/steps.ts";
import type { ByteRange } from "../model/byte-range.ts";
import type { StoredMember } from "../model/server-events.ts";

/** What is stored of a posted run beside its messages. */
export interface KeptInput {
  readonly members: readonly StoredMember[];
  /** Names of members that were posted and are not stored, and paths of values that are not. */
  readonly leftOut: readonly string[];
}

/** Finds the first member of these names that has a value; null if there is none. */
type FindMember = (...names: readonly string[]) => JsonMember | null;

/** Most bytes of what is stored. */
const MAX_BYTES = 1024 * 1024;
/** Room for the rest of the event: its ids, escaped, and the names of what is left out. */
const ENVELOPE_BYTES = 16 * 1024;

/** How deep credentials are looked for in `forwardedProps`, and how many are left out one by one. */
const MAX_LEVELS = 4;
const MAX_CREDENTIALS = 32;
const MAX_PATH_CHARS = 256;

/** Names of values that grant access, in lower case and without what is no letter. */
const CREDENTIAL =
  /^(headers|authorization|auth|cookies?|bearer|credentials?|jwt)$|(token|apikey|secret|password)$/;

const encoder = new TextEncoder();
const DEPTH_BEFORE = encoder.encode('{"value":{"":');
const DEPTH_AFTER = encoder.encode("}}");

interface Kept {
  readonly name: string;
  readonly pieces: readonly Uint8Array<ArrayBuffer>[];
  readonly bytes: number;
}

/**
 * Reads what is kept of a run's body. What says nothing (null, no context, no properties) is not kept, but
 * an empty state is: it replaces another. Of what is too large the largest members are left out, as
 * are those that are nested too deep for an event, and credentials in `forwardedProps`: whoever may
 * read the session would have them.
 */
export function* keptInput(body: Uint8Array<ArrayBuffer>, find: FindMember): Steps<KeptInput> {
  const leftOut: string[] = [];
  const kept: Kept[] = [];
  for (const [name, spellings] of MEMBERS) {
    const member = find(...spellings);
    if (!member || (name !== "state" && isEmpty(body, member))) continue;
    const bytes = member.valueEnd - member.valueStart;
    const splices =
      name === "forwardedProps" && bytes <= MAX_BYTES
        ? yield* withoutCredentials(body, member)
        : [];
    const range = { start: member.valueStart, end: member.valueEnd };
    const isWhole = bytes <= MAX_BYTES && splices !== null && fitsDepth(body, range);
    if (!isWhole) {
      leftOut.push(name);
      continue;
    }
    leftOut.push(...splices.map(({ path }) => path));
    kept.push({ name, pieces: yield* spliceInSteps(body, splices, range), bytes });
  }
  let surplus = kept.reduce((sum, { bytes }) => sum + bytes, ENVELOPE_BYTES - MAX_BYTES);
  for (const { name, bytes } of kept.toSorted((a, b) => b.bytes - a.bytes)) {
    if (surplus <= 0) break;
    leftOut.push(name);
    surplus -= bytes;
  }
  const members: StoredMember[] = [];
  for (const { name, pieces } of kept) {
    if (leftOut.includes(name)) continue;
    const json: Uint8Array<ArrayBuffer>[] = [];
    for (const piece of pieces) yield* putOnOneLine(piece, json);
    members.push({ name, json });
  }
  return { members, leftOut };
}

/** The members that are kept, in their order, and how they may be spelled. */
const MEMBERS: readonly (readonly [name: string, spellings: readonly string[]])[] = [
  ["resume", ["resume"]],
  ["state", ["state"]],
  ["context", ["context"]],
  ["forwardedProps", ["forwardedProps", "forwarded_props"]],
];

function isEmpty(body: Uint8Array, { valueStart }: JsonMember): boolean {
  const kind = kindAt(body, valueStart);
  if (kind !== "object" && kind !== "array") return false;
  const first = body[skipSpace(body, valueStart + 1)];
  return first === 0x7d || first === 0x5d;
}

/** Whether an event may have the value where it is put. */
function fitsDepth(body: Uint8Array, { start, end }: ByteRange): boolean {
  const scanner = new JsonObjectScanner([]);
  scanner.push(DEPTH_BEFORE, 0, DEPTH_BEFORE.length);
  scanner.push(body, start, end);
  scanner.push(DEPTH_AFTER, 0, DEPTH_AFTER.length);
  return scanner.end();
}

interface Credential extends Splice {
  readonly path: string;
}

/** Splices that make null of each credential in the properties; null if there are too many. */
function* withoutCredentials(body: Uint8Array, properties: JsonMember): Steps<Credential[] | null> {
  const found: Credential[] = [];
  let level = [{ path: "forwardedProps", at: properties.valueStart }];
  for (let depth = 0; depth < MAX_LEVELS; depth++) {
    const next: typeof level = [];
    for (const { path: parent, at } of level)
      for (const member of membersInParts(body, at)) {
        yield;
        if (!member) continue;
        const { key, valueStart: start, valueEnd: end } = member;
        const kind = kindAt(body, start);
        const path = `${parent}.${key}`;
        const isCredential = CREDENTIAL.test(key.toLowerCase().replaceAll(/[^a-z]/g, ""));
        if (isCredential && kind !== "null" && kind !== "number" && kind !== "boolean") {
          if (found.length === MAX_CREDENTIALS) return null;
          found.push({ start, end, text: "null", path: path.slice(0, MAX_PATH_CHARS) });
        } else if (kind === "object") next.push({ path, at: start });
      }
    level = next;
  }
  return found;
}
