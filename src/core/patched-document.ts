import type { JsonPatch, Operation } from "./json-patch.ts";
import {
  type Container,
  copyJson,
  isContainer,
  isEqualJson,
  type JsonLimits,
  type JsonSize,
  keyBytes,
  measureJson,
  memberOf,
  setMember,
} from "./json-value.ts";
import type { PatchPolicy } from "./patch-policy.ts";
import type { PatchWork } from "./patch-work.ts";

/**
 * What became of a patch: it was taken whole, or not at all; `overflowed` if it would have made, or
 * taken, more than there is room for.
 */
export type PatchOutcome = "applied" | "refused" | "overflowed";

/** Longest path that is followed. */
const MAX_POINTER_CHARS = 64 * 1024;

/** Most work of one patch, beside what its own text is: some tens of milliseconds. */
const MAX_PATCH_WORK = 4 * 1024 * 1024;
/** A list moves so many elements while one byte of JSON is looked at. */
const SHIFTS_PER_BYTE = 8;
/** To find a member takes as long as so many bytes. */
const BYTES_PER_MEMBER = 16;

export interface DocumentOptions extends JsonLimits {
  /** What pays for patches. */
  readonly work: PatchWork;
}

/** The last part of a path, and the container in which it is looked for. */
interface Place {
  readonly parent: Container;
  readonly key: string;
  /** Containers around what is, or will be, there. */
  readonly depth: number;
}

/**
 * A JSON document that patches (RFC 6902) change in place: a patch costs what it changes, not what the
 * document weighs. What a patch would make is known to be within the limits before it is made, and so is
 * the work of it.
 *
 * What it is given, it keeps and changes; nothing of it may be used any more by who gave it.
 */
export class PatchedDocument {
  readonly #options: DocumentOptions;
  #value: unknown;
  #bytes: number;
  /** Work that the patch may still do. */
  #left = 0;
  readonly #undo: (() => void)[] = [];
  /** Members that the patch has removed. They stay, undefined, until it is over: so undoing keeps their order. */
  readonly #removed: Place[] = [];

  private constructor(value: unknown, bytes: number, options: DocumentOptions) {
    this.#value = value;
    this.#bytes = bytes;
    this.#options = options;
  }

  /** The document that has this value, which came as text; null if that is over the limits. */
  static of(value: unknown, options: DocumentOptions): PatchedDocument | null {
    const size = measureJson(value, options);
    options.work.earn(size?.bytes ?? 0);
    return size && new PatchedDocument(value, size.bytes, options);
  }

  get value(): unknown {
    return this.#value;
  }

  /** Bytes of its JSON text, about. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Applies a patch that came in an event of so many bytes. */
  apply(patch: JsonPatch, policy: PatchPolicy, eventBytes: number): PatchOutcome {
    const { value, bytes } = this;
    const { work } = this.#options;
    work.earn(eventBytes);
    const most = Math.min(work.left, MAX_PATCH_WORK + 2 * eventBytes);
    this.#left = most;
    for (const operation of patch) {
      const outcome = this.#operate(operation, policy);
      if (outcome === "applied") continue;
      while (this.#undo.length > 0) this.#undo.pop()!();
      this.#value = value;
      this.#bytes = bytes;
      this.#end(most);
      return outcome;
    }
    for (const { parent, key } of this.#removed)
      if (!Array.isArray(parent) && parent[key] === undefined) delete parent[key];
    this.#end(most);
    return "applied";
  }

  #end(most: number): void {
    this.#options.work.spend(most - this.#left);
    this.#undo.length = 0;
    this.#removed.length = 0;
  }

  #operate(operation: Operation, policy: PatchPolicy): PatchOutcome {
    const { op, path } = operation;
    const from = "from" in operation ? operation.from : "";
    if (path.length > MAX_POINTER_CHARS || from.length > MAX_POINTER_CHARS) return "overflowed";
    if (!policy.takes(operation)) return "refused";
    switch (op) {
      case "add":
        return this.#put(operation, operation.value, policy);
      case "replace":
        return this.#valueAt(path) === undefined
          ? "refused"
          : this.#put(operation, operation.value, policy);
      case "test":
        return this.#test(path, operation.value);
      case "remove":
        return this.#remove(path);
      default: {
        const value = this.#valueAt(from);
        if (value === undefined) return "refused";
        if (op === "copy") return this.#put(operation, value, policy);
        // a value cannot be moved into itself
        if (from === "") return path === "" ? "applied" : "refused";
        return this.#move(operation, value, policy);
      }
    }
  }

  #test(path: string, value: unknown): PatchOutcome {
    const found = this.#valueAt(path);
    if (found === undefined) return "refused";
    const isEqual = isEqualJson(found, value, (count) => this.#spend(count * BYTES_PER_MEMBER));
    if (this.#left < 0) return "overflowed";
    return isEqual ? "applied" : "refused";
  }

  /** Puts a value where it was not: of the patch itself, or a copy. */
  #put(operation: Operation, value: unknown, policy: PatchPolicy): PatchOutcome {
    const { op, path } = operation;
    const place = path === "" ? null : this.#placeOf(path);
    if (place === null && path !== "") return "refused";
    const index = place && indexFor(place, policy, op);
    if (place && Array.isArray(place.parent) && index === null) return "refused";
    const replaced = place === null ? this.#bytes : this.#replacedBytes(place, op);
    if (replaced === null) return "overflowed";
    const { maxBytes, maxDepth } = this.#options;
    const size = this.#measure(value, {
      maxBytes: maxBytes - this.#bytes + replaced - (place ? memberBytes(place) : 0),
      maxDepth: maxDepth - (place?.depth ?? 0),
    });
    if (!size) return "overflowed";
    const made = op === "copy" ? copyJson(value) : value;
    this.#bytes += size.bytes - replaced;
    if (place === null) this.#value = made;
    else if (!this.#attach(place, index, made, op)) return "overflowed";
    return "applied";
  }

  #move(
    operation: Operation & { readonly from: string },
    value: unknown,
    policy: PatchPolicy,
  ): PatchOutcome {
    const { from, op, path } = operation;
    const source = this.#placeOf(from);
    if (!source) return "refused";
    if (path === "") {
      const size = this.#measure(value, this.#options);
      if (!size) return "overflowed";
      this.#value = value;
      this.#bytes = size.bytes;
      return "applied";
    }
    if (!this.#detach(source)) return "overflowed";
    const place = this.#placeOf(path);
    if (!place) return "refused";
    const index = indexFor(place, policy, op);
    if (Array.isArray(place.parent) && index === null) return "refused";
    const { maxBytes, maxDepth } = this.#options;
    if (place.depth > source.depth) {
      const room = { maxBytes: Infinity, maxDepth: maxDepth - place.depth };
      if (!this.#measure(value, room)) return "overflowed";
    }
    const replaced = this.#replacedBytes(place, op);
    if (replaced === null) return "overflowed";
    this.#bytes -= replaced;
    return this.#attach(place, index, value, op) && this.#bytes <= maxBytes
      ? "applied"
      : "overflowed";
  }

  #remove(path: string): PatchOutcome {
    if (path === "") {
      this.#value = null;
      this.#bytes = measureJson(null, this.#options)?.bytes ?? 0;
      return "applied";
    }
    const place = this.#placeOf(path);
    const value = place && memberOf(place.parent, place.key);
    if (!place || value === undefined) return "refused";
    const size = this.#measure(value, UNLIMITED);
    if (!size || !this.#detach(place)) return "overflowed";
    this.#bytes -= size.bytes;
    return "applied";
  }

  /** Bytes of the value that goes when another one takes its place; null if that is too much work. */
  #replacedBytes({ parent, key }: Place, op: Operation["op"]): number | null {
    const isInserted = Array.isArray(parent) && op !== "replace";
    const value = isInserted ? undefined : memberOf(parent, key);
    return value === undefined ? 0 : (this.#measure(value, UNLIMITED)?.bytes ?? null);
  }

  /** Takes a member out; its own bytes still count. False if that is too much work. */
  #detach(place: Place): boolean {
    const { parent, key } = place;
    this.#bytes -= memberBytes(place);
    if (Array.isArray(parent)) {
      const index = Number(key);
      if (!this.#spend((parent.length - index) / SHIFTS_PER_BYTE)) return false;
      const [before] = parent.splice(index, 1);
      this.#undo.push(() => parent.splice(index, 0, before));
    } else {
      const before = parent[key];
      parent[key] = undefined;
      this.#removed.push(place);
      this.#undo.push(() => {
        parent[key] = before;
      });
    }
    return true;
  }

  /** Puts a value, whose bytes count already, in its place. False if that is too much work. */
  #attach(place: Place, index: number | null, value: unknown, op: Operation["op"]): boolean {
    const { parent, key } = place;
    if (!Array.isArray(parent)) {
      this.#set(place, parent, value);
    } else if (op === "replace") {
      const at = Number(key);
      const before: unknown = parent[at];
      parent[at] = value;
      this.#undo.push(() => {
        parent[at] = before;
      });
    } else {
      const at = index ?? parent.length;
      if (!this.#spend((parent.length - at) / SHIFTS_PER_BYTE)) return false;
      this.#bytes += memberBytes(place);
      parent.splice(at, 0, value);
      this.#undo.push(() => parent.splice(at, 1));
    }
    return true;
  }

  #set(place: Place, parent: Record<string, unknown>, value: unknown): void {
    const { key } = place;
    const wasThere = Object.hasOwn(parent, key);
    const before = wasThere ? parent[key] : undefined;
    if (before === undefined) this.#bytes += memberBytes(place);
    // removed by this patch: what is put there now comes last
    if (wasThere && before === undefined) delete parent[key];
    setMember(parent, key, value);
    this.#undo.push(() => {
      if (wasThere) parent[key] = before;
      else delete parent[key];
    });
  }

  #measure(value: unknown, { maxBytes, maxDepth }: JsonLimits): JsonSize | null {
    const size = measureJson(value, { maxBytes: Math.min(maxBytes, this.#left), maxDepth });
    if (size) this.#left -= size.bytes;
    return size;
  }

  #spend(work: number): boolean {
    this.#left -= work;
    return this.#left >= 0;
  }

  #valueAt(path: string): unknown {
    if (path === "") return this.#value;
    const place = this.#placeOf(path);
    return place ? memberOf(place.parent, place.key) : undefined;
  }

  /** Where a path leads that is not empty, be there something or not; null if there is no such place. */
  #placeOf(path: string): Place | null {
    let parent = this.#value;
    let from = 0;
    for (let depth = 1; ; depth++) {
      if (!isContainer(parent)) return null;
      const to = path.indexOf("/", from + 1);
      const key = unescaped(path.slice(from + 1, to === -1 ? undefined : to));
      if (to === -1) return { parent, key, depth };
      parent = memberOf(parent, key);
      from = to;
    }
  }
}

const UNLIMITED: JsonLimits = { maxBytes: Infinity, maxDepth: Infinity };

/** Where a value goes in a list; null where it cannot, and in an object. */
function indexFor({ parent, key }: Place, policy: PatchPolicy, op: Operation["op"]): number | null {
  if (!Array.isArray(parent)) return null;
  return op === "replace" ? Number(key) : policy.insertAt(key, parent.length, op);
}

/** Bytes that there are beside the value, if that is a member or an element of its own. */
function memberBytes({ parent, key }: Place): number {
  return Array.isArray(parent) ? 1 : keyBytes(key);
}

function unescaped(part: string): string {
  return part.includes("~") ? part.replaceAll("~1", "/").replaceAll("~0", "~") : part;
}
