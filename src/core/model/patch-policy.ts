import type { Operation } from "./json-patch.ts";

/** Which operations a patch may apply to a document, and how. */
export interface PatchPolicy {
  /** Whether an operation may be tried at all. */
  takes(operation: Operation): boolean;
  /** The index in a list of this length for a value that is put at `key`; null if there is none. */
  insertAt(key: string, length: number, op: Operation["op"]): number | null;
}

/** As the clients of AG-UI patch, in every generation. */
export const AS_CLIENTS: PatchPolicy = {
  takes(operation) {
    const { path } = operation;
    const from = "from" in operation ? operation.from : "";
    return [path, from].every(
      (pointer) => !hasPart(pointer, "__proto__") && !hasPart(pointer, "constructor/prototype"),
    );
  },
  insertAt(key, length, op) {
    if (key === "-") return length;
    if (!/^\d*$/.test(key)) return null;
    const index = Number(key) | 0;
    // they refuse to add after the end of a list, but not to move or copy there
    if (op === "add" && index > length) return null;
    return index < 0 ? Math.max(0, length + index) : Math.min(index, length);
  },
};

/** Names that must not become members of an object of this process. */
const FORBIDDEN = ["__proto__", "constructor", "prototype"];

/**
 * Only what every implementation does alike. Whatever leaves any doubt - a path to the whole
 * document, an index with a leading zero, a name such as `__proto__`, a value that moves into
 * itself or to where it is - is refused, whatever a client might make of it.
 */
export const ONLY_CERTAIN: PatchPolicy = {
  takes(operation) {
    if (operation.op === "test") return false;
    const { path } = operation;
    const pointers = "from" in operation ? [path, operation.from] : [path];
    if (pointers.some((pointer) => pointer === "" || hasForbidden(pointer))) return false;
    return operation.op !== "move" || !`${path}/`.startsWith(`${operation.from}/`);
  },
  insertAt(key, length) {
    if (key === "-") return length;
    const index = /^(?:0|[1-9]\d{0,8})$/.test(key) ? Number(key) : Infinity;
    return index <= length ? index : null;
  },
};

function hasForbidden(pointer: string): boolean {
  return FORBIDDEN.some((name) => hasPart(pointer, name));
}

/** Whether a pointer leads through these names; they have nothing in them that pointers escape. */
function hasPart(pointer: string, names: string): boolean {
  const part = `/${names}`;
  for (let at = pointer.indexOf(part); at !== -1; at = pointer.indexOf(part, at + 1)) {
    const next = pointer[at + part.length];
    if (next === undefined || next === "/") return true;
  }
  return false;
}
