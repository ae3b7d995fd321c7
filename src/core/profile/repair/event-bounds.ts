import { elementsInParts, isManyInParts, kindAt } from "../../../stream/json/json-walk.ts";
import type { Steps } from "../../../stream/sync/steps.ts";
import type { ParsedEvent } from "./parsed-event.ts";

/** Most members that an object may have: the keys of one can only be asked for all at once. */
export const MAX_MEMBERS = 65_536;
/** Most values of what is dealt with at once, nested ones included. */
const MAX_VALUES = 65_536;

/** Events whose values are nobody's business here. */
const OPAQUE: ReadonlySet<string | null> = new Set(["CUSTOM", "RAW"]);
/** Members that may be large, as their values can be dealt with in steps. */
const IN_STEPS = ["snapshot", "input"];
/** Members that are dealt with at once, when they have been parsed. */
const AT_ONCE = [
  "metadata",
  "content",
  "patch",
  "delta",
  "outcome",
  "usage",
  "encryptedValue",
  "encryptedValueType",
];

/** Whether a long event has more in it than can be understood without keeping others waiting. */
export function* isOutOfBounds(line: ParsedEvent): Steps<boolean> {
  if (line.isWide) return true;
  if (OPAQUE.has(line.text("type"))) return false;
  for (const key of IN_STEPS)
    if (yield* isMany(line.raw(key), { maxMembers: MAX_MEMBERS, maxValues: Infinity })) return true;
  const limits = { maxMembers: MAX_MEMBERS, maxValues: MAX_VALUES };
  for (const key of AT_ONCE) if (yield* isMany(line.raw(key), limits)) return true;
  const messages = line.raw("messages");
  if (!messages || kindAt(messages, 0) !== "array") return false;
  for (const range of elementsInParts(messages, 0)) {
    if (range && (yield* isMany(messages.subarray(range.start, range.end), limits))) return true;
    yield;
  }
  return false;
}

/** Parses in steps what is dealt with at once. */
export function* parseAhead(line: ParsedEvent): Steps {
  if (!OPAQUE.has(line.text("type"))) for (const key of AT_ONCE) yield* line.parseAhead(key);
}

function* isMany(
  value: Uint8Array | null,
  limits: { readonly maxMembers: number; readonly maxValues: number },
): Steps<boolean> {
  // each value and each member takes a byte, at least
  if (!value || value.length <= Math.min(limits.maxMembers, limits.maxValues)) return false;
  return yield* isManyInParts(value, limits);
}
