import { type Container, isContainer, memberOf } from "./json-value.ts";

/** Longest pointer that is followed. */
export const MAX_POINTER_CHARS: number = 64 * 1024;

/** The last part of a JSON Pointer (RFC 6901), and the container in which it is looked up. */
export interface Place {
  readonly parent: Container;
  readonly key: string;
  /** How deep the value is, or will be: the number of containers around it. */
  readonly depth: number;
}

/** The value at a pointer; undefined if there is none. */
export function valueAt(root: unknown, pointer: string): unknown {
  if (pointer === "") return root;
  const place = placeAt(root, pointer);
  return place ? memberOf(place.parent, place.key) : undefined;
}

/**
 * The place at a pointer that is not empty, whether there is a value or not; null if there is no
 * such place.
 */
export function placeAt(root: unknown, pointer: string): Place | null {
  let parent = root;
  let from = 0;
  for (let depth = 1; ; depth++) {
    if (!isContainer(parent)) return null;
    const to = pointer.indexOf("/", from + 1);
    const key = unescaped(pointer.slice(from + 1, to === -1 ? undefined : to));
    if (to === -1) return { parent, key, depth };
    parent = memberOf(parent, key);
    from = to;
  }
}

function unescaped(part: string): string {
  return part.includes("~") ? part.replaceAll("~1", "/").replaceAll("~0", "~") : part;
}
