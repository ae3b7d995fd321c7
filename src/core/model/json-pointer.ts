import { type Container, isContainer, memberOf } from "./json-value.ts";

/** Longest pointer that is followed. */
export const MAX_POINTER_CHARS: number = 64 * 1024;

/** The last part of a JSON Pointer (RFC 6901), and the container in which it is looked for. */
export interface Place {
  readonly parent: Container;
  readonly key: string;
  /** Containers around what is, or will be, there. */
  readonly depth: number;
}

/** What a pointer leads to; undefined if there is nothing. */
export function valueAt(root: unknown, pointer: string): unknown {
  if (pointer === "") return root;
  const place = placeAt(root, pointer);
  return place ? memberOf(place.parent, place.key) : undefined;
}

/** Where a pointer leads that is not empty, be there something or not; null if there is no such place. */
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
