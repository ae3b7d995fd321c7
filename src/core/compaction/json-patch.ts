import { isObject } from "../json-fields.ts";

/** Names that must not become members of an object of this process. */
const FORBIDDEN: ReadonlySet<string> = new Set(["__proto__", "constructor", "prototype"]);
const INDEX = /^(0|[1-9]\d{0,8})$/;

type Container = Record<string, unknown> | unknown[];

/** A document that patches change in place. */
export interface PatchedDocument {
  root: unknown;
}

/**
 * Applies a JSON Patch (RFC 6902) to `document` and says whether it did; if not, the document is
 * unchanged. It does only what every implementation does alike: a patch with an operation that has
 * any doubt about it - an unknown one, a path that leads nowhere, an index with a leading zero, a
 * name such as `__proto__` - is refused, whatever a client might make of it.
 */
export function applyPatch(document: PatchedDocument, patch: unknown): boolean {
  if (!Array.isArray(patch)) return false;
  const undo: (() => void)[] = [];
  for (const operation of patch) {
    if (isObject(operation) && applyOperation(document, operation, undo)) continue;
    while (undo.length > 0) undo.pop()?.();
    return false;
  }
  return true;
}

function applyOperation(
  document: PatchedDocument,
  operation: Readonly<Record<string, unknown>>,
  undo: (() => void)[],
): boolean {
  const path = pointerOf(operation["path"]);
  if (!path) return false;
  const { op, value } = operation;
  const hasValue = value !== undefined;
  switch (op) {
    case "add":
      return hasValue && add(document, path, structuredClone(value), undo);
    case "replace":
      return hasValue && replace(document, path, structuredClone(value), undo);
    case "remove":
      return remove(document, path, undo);
    case "copy": {
      const from = pointerOf(operation["from"]);
      if (!from || from.length === 0 || path.length === 0) return false;
      const found = find(document, from);
      return found !== null && add(document, path, structuredClone(found.value), undo);
    }
    case "move": {
      const from = pointerOf(operation["from"]);
      // of or to the root, into itself, or to where it is: implementations differ
      if (!from || path.length === 0 || from.every((key, index) => path[index] === key))
        return false;
      const found = find(document, from);
      return (
        found !== null && remove(document, from, undo) && add(document, path, found.value, undo)
      );
    }
    default:
      return false;
  }
}

/** The parts of a JSON Pointer (RFC 6901), or null for what is none or not to be trusted. */
function pointerOf(pointer: unknown): string[] | null {
  if (typeof pointer !== "string") return null;
  if (pointer === "") return [];
  if (!pointer.startsWith("/") || /~(?![01])/.test(pointer)) return null;
  const parts = pointer
    .slice(1)
    .split("/")
    .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));
  return parts.some((part) => FORBIDDEN.has(part)) ? null : parts;
}

function find(document: PatchedDocument, path: readonly string[]): { value: unknown } | null {
  let value = document.root;
  for (const key of path) {
    if (!isContainer(value) || !has(value, key)) return null;
    value = get(value, key);
  }
  return { value };
}

function add(
  document: PatchedDocument,
  path: readonly string[],
  value: unknown,
  undo: (() => void)[],
): boolean {
  const key = path.at(-1);
  if (key === undefined) return setRoot(document, value, undo);
  const parent = find(document, path.slice(0, -1))?.value;
  if (!isContainer(parent)) return false;
  if (!Array.isArray(parent)) return setMember(parent, key, value, undo);
  const index = key === "-" ? parent.length : INDEX.test(key) ? Number(key) : Infinity;
  if (index > parent.length) return false;
  parent.splice(index, 0, value);
  undo.push(() => parent.splice(index, 1));
  return true;
}

function replace(
  document: PatchedDocument,
  path: readonly string[],
  value: unknown,
  undo: (() => void)[],
): boolean {
  const key = path.at(-1);
  if (key === undefined) return setRoot(document, value, undo);
  const parent = find(document, path.slice(0, -1))?.value;
  if (!isContainer(parent) || !has(parent, key)) return false;
  if (!Array.isArray(parent)) return setMember(parent, key, value, undo);
  const index = Number(key);
  const before: unknown = parent[index];
  parent[index] = value;
  undo.push(() => {
    parent[index] = before;
  });
  return true;
}

function remove(document: PatchedDocument, path: readonly string[], undo: (() => void)[]): boolean {
  const key = path.at(-1);
  // without a root there is no document: what is left then differs
  if (key === undefined) return false;
  const parent = find(document, path.slice(0, -1))?.value;
  if (!isContainer(parent) || !has(parent, key)) return false;
  if (Array.isArray(parent)) {
    const index = Number(key);
    const [before] = parent.splice(index, 1);
    undo.push(() => parent.splice(index, 0, before));
  } else {
    const before = parent[key];
    delete parent[key];
    undo.push(() => {
      parent[key] = before;
    });
  }
  return true;
}

function setRoot(document: PatchedDocument, value: unknown, undo: (() => void)[]): boolean {
  const before = document.root;
  document.root = value;
  undo.push(() => {
    document.root = before;
  });
  return true;
}

function setMember(
  parent: Record<string, unknown>,
  key: string,
  value: unknown,
  undo: (() => void)[],
): boolean {
  const wasThere = Object.hasOwn(parent, key);
  const before = parent[key];
  parent[key] = value;
  undo.push(() => {
    if (wasThere) parent[key] = before;
    else delete parent[key];
  });
  return true;
}

function isContainer(value: unknown): value is Container {
  return typeof value === "object" && value !== null;
}

function has(container: Container, key: string): boolean {
  return Array.isArray(container)
    ? INDEX.test(key) && Number(key) < container.length
    : Object.hasOwn(container, key);
}

function get(container: Container, key: string): unknown {
  return Array.isArray(container) ? container[Number(key)] : container[key];
}
