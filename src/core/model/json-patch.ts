import { isObject } from "./json-fields.ts";

/** An operation of JSON Patch (RFC 6902) that has been checked. */
export type Operation =
  | { readonly op: "add" | "replace" | "test"; readonly path: string; readonly value: unknown }
  | { readonly op: "remove"; readonly path: string }
  | { readonly op: "move" | "copy"; readonly path: string; readonly from: string };

export type JsonPatch = readonly Operation[];

const OPERATIONS: ReadonlySet<unknown> = new Set([
  "add",
  "replace",
  "test",
  "remove",
  "move",
  "copy",
] satisfies Operation["op"][]);

/**
 * The operations of a patch that are of a kind that RFC 6902 defines: clients of AG-UI 1.0 skip the
 * others. An element that is no object is kept, and makes the patch invalid.
 */
export function knownOperations(patch: readonly unknown[]): unknown[] {
  return patch.filter((operation) => !isObject(operation) || OPERATIONS.has(operation["op"]));
}

/**
 * Whether `value` is a patch whose operations are complete; it may still not apply to a document.
 */
export function isJsonPatch(value: unknown): value is JsonPatch {
  return Array.isArray(value) && value.every(isOperation);
}

function isOperation(value: unknown): boolean {
  if (!isObject(value) || !isPointer(value["path"])) return false;
  switch (value["op"]) {
    case "add":
    case "replace":
    case "test":
      return value["value"] !== undefined;
    case "remove":
      return true;
    case "move":
    case "copy":
      return isPointer(value["from"]);
    default:
      return false;
  }
}

/** Whether `value` is a JSON Pointer (RFC 6901), of any length. */
function isPointer(value: unknown): boolean {
  if (typeof value !== "string" || (value !== "" && !value.startsWith("/"))) return false;
  for (let at = value.indexOf("~"); at !== -1; at = value.indexOf("~", at + 1)) {
    const next = value[at + 1];
    if (next !== "0" && next !== "1") return false;
  }
  return true;
}
