import { isObject } from "./json-fields.ts";

/** An operation of JSON Patch (RFC 6902) that has been checked. */
type Operation =
  | { readonly op: "add" | "replace" | "test"; readonly path: string; readonly value: unknown }
  | { readonly op: "remove"; readonly path: string }
  | { readonly op: "move" | "copy"; readonly path: string; readonly from: string };

export type JsonPatch = readonly Operation[];

type Container = Record<string, unknown> | unknown[];

const POINTER = /^(?:\/(?:[^/~]|~[01])*)*$/;
/** Paths that would lead to what all objects have in common. */
const BANNED = /\/(?:__proto__|constructor\/prototype)(?:\/|$)/;

const OPERATIONS: ReadonlySet<unknown> = new Set([
  "add",
  "replace",
  "test",
  "remove",
  "move",
  "copy",
] satisfies Operation["op"][]);

/**
 * The operations of a patch that are of a kind that RFC 6902 knows: clients of AG-UI 1.0 pass over
 * the others. What is no object stays, it makes the patch none.
 */
export function knownOperations(patch: readonly unknown[]): unknown[] {
  return patch.filter((operation) => !isObject(operation) || OPERATIONS.has(operation["op"]));
}

/** Whether `value` is a patch whose operations are whole; whether it applies is another question. */
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

function isPointer(value: unknown): boolean {
  return typeof value === "string" && POINTER.test(value);
}

/**
 * The document with a patch applied, or undefined if one of its operations fails: a patch is taken
 * whole or not at all. `document` is left as it is; the result shares nothing with it.
 */
export function applyJsonPatch(document: unknown, patch: JsonPatch): unknown {
  let root: unknown = structuredClone(document);
  for (const operation of patch) {
    const from = "from" in operation ? operation.from : "";
    if (BANNED.test(operation.path) || BANNED.test(from)) return undefined;
    const next = applyOperation(root, operation);
    if (next === undefined) return undefined;
    root = next;
  }
  return root;
}

function applyOperation(root: unknown, operation: Operation): unknown {
  const { path } = operation;
  switch (operation.op) {
    case "add":
      return isBeyond(root, path) ? undefined : put(root, path, structuredClone(operation.value));
    case "replace":
      if (valueAt(root, path) === undefined) return undefined;
      return replace(root, path, structuredClone(operation.value));
    case "test":
      return isSameJson(valueAt(root, path), operation.value) ? root : undefined;
    case "remove":
      return valueAt(root, path) === undefined ? undefined : remove(root, path);
    case "copy": {
      const value = valueAt(root, operation.from);
      return value === undefined ? undefined : put(root, path, structuredClone(value));
    }
    default: {
      const { from } = operation;
      const value = valueAt(root, from);
      if (value === undefined) return undefined;
      if (path === "") return value;
      // a value cannot be moved into itself
      if (from === "") return undefined;
      return put(remove(root, from), path, value);
    }
  }
}

/** Whether a path leads behind the end of a list. Clients refuse to add there, but move and copy. */
function isBeyond(root: unknown, path: string): boolean {
  const [parent, key] = path === "" ? [null, ""] : parentOf(root, path);
  return Array.isArray(parent) && Number(key) > parent.length;
}

function put(root: unknown, path: string, value: unknown): unknown {
  if (path === "") return value;
  const [parent, key] = parentOf(root, path);
  if (parent === null) return undefined;
  if (!Array.isArray(parent)) {
    parent[key] = value;
    return root;
  }
  const index = key === "-" ? parent.length : indexOf(key);
  if (index === null) return undefined;
  parent.splice(index, 0, value);
  return root;
}

function replace(root: unknown, path: string, value: unknown): unknown {
  if (path === "") return value;
  const [parent, key] = parentOf(root, path);
  if (Array.isArray(parent)) parent[Number(key)] = value;
  else if (parent !== null) parent[key] = value;
  return root;
}

function remove(root: unknown, path: string): unknown {
  if (path === "") return null;
  const [parent, key] = parentOf(root, path);
  if (Array.isArray(parent)) parent.splice(Number(key), 1);
  else if (parent !== null) delete parent[key];
  return root;
}

/** The container that holds the last part of a path, or null if there is none. */
function parentOf(root: unknown, path: string): readonly [Container | null, string] {
  const cut = path.lastIndexOf("/");
  const parent = valueAt(root, path.slice(0, cut));
  const key = unescaped(path.slice(cut + 1));
  return [isContainer(parent) ? parent : null, key];
}

function valueAt(root: unknown, path: string): unknown {
  if (path === "") return root;
  let value = root;
  for (const part of path.slice(1).split("/")) {
    const key = unescaped(part);
    if (!isContainer(value) || !Object.hasOwn(value, key)) return undefined;
    if (Array.isArray(value)) value = indexOf(key) === null ? undefined : value[Number(key)];
    else value = value[key];
  }
  return value;
}

function indexOf(key: string): number | null {
  return /^\d{1,15}$/.test(key) ? Number(key) : null;
}

function unescaped(part: string): string {
  return part.replaceAll("~1", "/").replaceAll("~0", "~");
}

function isContainer(value: unknown): value is Container {
  return typeof value === "object" && value !== null;
}

/** Whether two JSON values are the same, whatever the order of their keys. */
export function isSameJson(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (!isContainer(a) || !isContainer(b)) return false;
  if (Array.isArray(a) || Array.isArray(b)) {
    if (!Array.isArray(a) || !Array.isArray(b) || a.length !== b.length) return false;
    return a.every((value, index) => isSameJson(value, b[index]));
  }
  const keys = Object.keys(a);
  return (
    keys.length === Object.keys(b).length &&
    keys.every((key) => Object.hasOwn(b, key) && isSameJson(a[key], b[key]))
  );
}
