import { isObject } from "../json-fields.ts";

/** Names that must not become members of an object of this process. */
const FORBIDDEN: ReadonlySet<string> = new Set(["__proto__", "constructor", "prototype"]);
const INDEX = /^(0|[1-9]\d{0,8})$/;

/** A document, or a part of one, that has members. */
export type Container = Record<string, unknown> | unknown[];

/**
 * Applies a JSON Patch (RFC 6902) to `document` and says whether it did; if not, the document is
 * unchanged. It does only what every implementation does alike: a patch with an operation that has
 * any doubt about it - an unknown one, a path that leads nowhere or to the whole document, an index
 * with a leading zero, a name such as `__proto__` - is refused, whatever a client might make of it: what
 * is refused stays in the log. (`core/json-patch.ts` does what the clients do.)
 */
export function applyCertainPatch(document: Container, patch: unknown): boolean {
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
  document: Container,
  operation: Readonly<Record<string, unknown>>,
  undo: (() => void)[],
): boolean {
  const path = pointerOf(operation["path"]);
  if (!path || path.length === 0) return false;
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
      if (!from || from.length === 0) return false;
      const found = find(document, from);
      return found !== null && add(document, path, structuredClone(found.value), undo);
    }
    case "move": {
      const from = pointerOf(operation["from"]);
      // into itself, or to where it is: implementations differ
      if (!from || from.every((key, index) => path[index] === key)) return false;
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

function find(document: Container, path: readonly string[]): { value: unknown } | null {
  let value: unknown = document;
  for (const key of path) {
    if (!isContainer(value) || !has(value, key)) return null;
    value = get(value, key);
  }
  return { value };
}

/** What a path's last part is looked for in, be it there or not. */
function placeOf(
  document: Container,
  path: readonly string[],
): { readonly parent: Container; readonly key: string } | null {
  const key = path.at(-1);
  const parent = find(document, path.slice(0, -1))?.value;
  return key !== undefined && isContainer(parent) ? { parent, key } : null;
}

function add(
  document: Container,
  path: readonly string[],
  value: unknown,
  undo: (() => void)[],
): boolean {
  const place = placeOf(document, path);
  if (!place) return false;
  const { parent, key } = place;
  if (!Array.isArray(parent)) return setMember(parent, key, value, undo);
  const index = key === "-" ? parent.length : INDEX.test(key) ? Number(key) : Infinity;
  if (index > parent.length) return false;
  parent.splice(index, 0, value);
  undo.push(() => parent.splice(index, 1));
  return true;
}

function replace(
  document: Container,
  path: readonly string[],
  value: unknown,
  undo: (() => void)[],
): boolean {
  const place = placeOf(document, path);
  if (!place) return false;
  const { parent, key } = place;
  if (!has(parent, key)) return false;
  if (!Array.isArray(parent)) return setMember(parent, key, value, undo);
  const index = Number(key);
  const before: unknown = parent[index];
  parent[index] = value;
  undo.push(() => {
    parent[index] = before;
  });
  return true;
}

function remove(document: Container, path: readonly string[], undo: (() => void)[]): boolean {
  const place = placeOf(document, path);
  if (!place) return false;
  const { parent, key } = place;
  if (!has(parent, key)) return false;
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

/** Whether it has members. */
export function isContainer(value: unknown): value is Container {
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
