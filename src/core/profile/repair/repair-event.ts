import type { Steps } from "../../../stream/sync/steps.ts";
import type { MemberKind } from "../../model/event-type.ts";
import { EVENT_TYPES } from "../../model/event-types.ts";
import { isSameJson } from "../../model/exact-json.ts";
import { isObject, type JsonObject } from "../../model/json-fields.ts";
import { writeInSteps } from "../../model/json-in-steps.ts";
import { isJsonPatch, knownOperations } from "../../model/json-patch.ts";
import type { Dialect } from "./dialect.ts";
import type { ParsedEvent } from "./parsed-event.ts";
import { repairToolContent } from "./repair-message.ts";

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

type Changes = Record<string, string | null>;

/** Members that every event may have, and how they are repaired. */
const COMMON: ReadonlyMap<string, (line: ParsedEvent) => string | null | undefined> = new Map([
  ["timestamp", repairTimestamp],
  ["rawEvent", (line: ParsedEvent) => (line.kind("rawEvent") === "null" ? null : undefined)],
  ["metadata", (line: ParsedEvent) => (line.kind("metadata") === "object" ? undefined : null)],
]);

/** Members that may not be null, where null means that they are missing. */
const DROPPED = ["result", "input", "outcome", "usage"];

const TEXT_ROLES: ReadonlySet<string> = new Set(["developer", "system", "assistant", "user"]);
const SUBAGENT_EVENT = /^SUBAGENT_/;

/** The members of each type, in the form in which they are gone through for each event. */
const SHAPES: ReadonlyMap<
  string,
  Readonly<Record<"required" | "optional", readonly MemberOf[]>>
> = new Map(
  Object.entries(EVENT_TYPES).map(([type, { required, optional }]) => [
    type,
    { required: Object.entries(required), optional: Object.entries(optional) },
  ]),
);

type MemberOf = readonly [name: string, kind: MemberKind];

/**
 * An event as every client of the dialect accepts it - the line itself where nothing has to change -
 * or null if it is none that the dialect knows, or lacks what makes it one. Whether it may come at
 * this moment is not looked at, nor are the messages of snapshots and inputs; of a long result the
 * content has been repaired before (`repairLongResult`).
 */
export function repairEvent(line: ParsedEvent, type: string, dialect: Dialect): ParsedEvent | null {
  const shape = SHAPES.get(type);
  if (!shape || (dialect === "0.0" && SUBAGENT_EVENT.test(type))) return null;
  const changes: Changes = {};
  for (const [key, mend] of COMMON) {
    const change = line.kind(key) === null ? undefined : mend(line);
    if (change !== undefined) changes[key] = change;
  }
  for (const key of DROPPED) if (line.kind(key) === "null") changes[key] = null;
  for (const [key, kind] of shape.required) {
    const found = line.kind(key);
    if (found === null || (kind !== "any" && found !== kind)) return null;
  }
  for (const [key, kind] of shape.optional) {
    const found = line.kind(key);
    if (found !== null && found !== kind) changes[key] = null;
  }
  // a tag that is no part of the event itself names its sender; older clients know no tags
  if (!SUBAGENT_EVENT.test(type) && line.kind("subagentRunId") !== null)
    if (dialect === "0.0" || line.kind("subagentRunId") !== "string")
      changes["subagentRunId"] = null;
  if (OWN[type]?.(line, changes, dialect) === false) return null;
  return Object.keys(changes).length === 0 ? line : line.with(changes);
}

/** A long TOOL_CALL_RESULT whose content is of a kind that the dialect knows. */
export function* repairLongResult(line: ParsedEvent, dialect: Dialect): Steps<ParsedEvent> {
  const kind = line.kind("content");
  if (kind === null || kind === "string") return line;
  const value = line.exact("content");
  const content =
    kind === "object"
      ? // as text, which may be long
        yield* decodeInSteps(yield* writeInSteps(value))
      : repairToolContent(value, dialect);
  const repaired = yield* line.withInSteps({ content: yield* writeInSteps(content) });
  yield* repaired.parseAhead("content");
  return repaired;
}

function* decodeInSteps(pieces: readonly Uint8Array[]): Steps<string> {
  let text = "";
  for (const piece of pieces) {
    text += decoder.decode(piece);
    yield;
  }
  return text;
}

/** Epoch ms as an integer, or no time at all. */
function repairTimestamp(line: ParsedEvent): string | null | undefined {
  const value = line.json("timestamp");
  const ms = typeof value === "string" ? Date.parse(value) : Number(value);
  if (value === null || typeof value === "object" || !Number.isFinite(ms)) return null;
  if (typeof value === "number" && Number.isSafeInteger(value)) return undefined;
  const rounded = Math.round(ms);
  return Number.isSafeInteger(rounded) ? String(rounded) : null;
}

/** Repairs of single types; false means that the event cannot be repaired. */
const OWN: Readonly<
  Record<string, (line: ParsedEvent, changes: Changes, dialect: Dialect) => boolean>
> = {
  TEXT_MESSAGE_START: repairRole,
  TEXT_MESSAGE_CHUNK: repairRole,
  TOOL_CALL_RESULT(line, changes, dialect) {
    if (line.kind("role") !== null && line.text("role") !== "tool") changes["role"] = null;
    if (line.kind("content") === "string" || line.isLong) return true;
    changes["content"] = JSON.stringify(repairToolContent(line.exact("content"), dialect));
    return true;
  },
  STATE_DELTA: (line, changes) => repairPatch(line, "delta", changes),
  ACTIVITY_DELTA: (line, changes) => repairPatch(line, "patch", changes),
  REASONING_MESSAGE_START(line, changes) {
    if (line.text("role") !== "reasoning") changes["role"] = '"reasoning"';
    return true;
  },
  REASONING_ENCRYPTED_VALUE(line, changes) {
    if (line.kind("subagentRunId") !== null) changes["subagentRunId"] = null;
    return line.text("subtype") === "tool-call" || line.text("subtype") === "message";
  },
  RUN_FINISHED(line, changes, dialect) {
    repairUsage(line, changes);
    if (line.kind("outcome") !== "object") return true;
    const value = line.exact("outcome");
    const outcome = repairOutcome(value, dialect);
    if (isSameJson(outcome, value)) return true;
    changes["outcome"] = outcome === null ? null : JSON.stringify(outcome);
    return true;
  },
  RUN_ERROR(line, changes) {
    repairUsage(line, changes);
    if (line.kind("message") !== "string") changes["message"] = '"The run failed"';
    return true;
  },
  SUBAGENT_FINISHED(line, changes) {
    const outcome = line.json("outcome");
    if (!isObject(outcome) || outcome["type"] === "success") return true;
    const ids = outcome["interruptIds"];
    const isWhole = ids === undefined || (Array.isArray(ids) && ids.every(isText));
    if (outcome["type"] !== "suspended" || !isWhole) changes["outcome"] = null;
    return true;
  },
};

function repairRole(line: ParsedEvent, changes: Changes): boolean {
  const role = line.text("role");
  if (role !== null && !TEXT_ROLES.has(role)) changes["role"] = null;
  return true;
}

function repairPatch(line: ParsedEvent, key: string, changes: Changes): boolean {
  const patch = line.exact(key);
  if (!Array.isArray(patch)) return false;
  const known = knownOperations(patch);
  if (known.length < patch.length) changes[key] = JSON.stringify(known);
  return isJsonPatch(known);
}

function repairUsage(line: ParsedEvent, changes: Changes): void {
  const usage = line.json("usage");
  if (Array.isArray(usage) && !usage.every(isUsage)) changes["usage"] = null;
}

function isUsage(value: unknown): boolean {
  if (!isObject(value)) return false;
  return Object.entries(value).every(([key, entry]) => {
    if (key === "provider" || key === "model") return isText(entry);
    return !key.endsWith("Tokens") || (Number.isSafeInteger(entry) && Number(entry) >= 0);
  });
}

function repairOutcome(outcome: unknown, dialect: Dialect): JsonObject | null {
  if (!isObject(outcome)) return null;
  const { type, interrupts, pendingToolCallIds: pending } = outcome;
  if (type === "cancelled") return dialect === "1.0" ? outcome : null;
  if (type === "success") {
    const isWhole = pending === undefined || (Array.isArray(pending) && pending.every(isText));
    return isWhole ? outcome : { type };
  }
  if (type !== "interrupt" || !Array.isArray(interrupts)) return null;
  const repaired = interrupts.flatMap((interrupt) => repairInterrupt(interrupt, dialect));
  return repaired.length === 0 ? null : { ...outcome, interrupts: repaired };
}

const INTERRUPT_TEXTS = ["message", "toolCallId", "expiresAt", "subagentRunId"];

function repairInterrupt(interrupt: unknown, dialect: Dialect): JsonObject[] {
  if (!isObject(interrupt) || !isText(interrupt["id"]) || !isText(interrupt["reason"])) return [];
  return [
    Object.fromEntries(
      Object.entries(interrupt).filter(([key, value]) => {
        if (key === "subagentRunId" && dialect === "0.0") return false;
        if (INTERRUPT_TEXTS.includes(key)) return isText(value);
        return (key !== "metadata" && key !== "responseSchema") || isObject(value);
      }),
    ),
  ];
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}
