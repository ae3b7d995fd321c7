/* oxlint-disable max-lines -- a document, its sizes and its undoing are one state, which no two files should share */
import { atOnce, type Steps } from "../../stream/sync/steps.ts";
import type { JsonPatch, Operation } from "./json-patch.ts";
import { MAX_POINTER_CHARS, type Place, placeAt, valueAt } from "./json-pointer.ts";
import {
  copyJson,
  isEqualJson,
  type JsonLimits,
  keyBytes,
  measureInSteps,
  measureJson,
  memberOf,
  setMember,
  workOf,
} from "./json-value.ts";
import type { PatchPolicy } from "./patch-policy.ts";
import type { PatchWork } from "./patch-work.ts";

/**
 * The outcome of a patch: applied whole, or not at all; `overflowed` if the result, or the work,
 * would have been over the limits.
 */
export type PatchOutcome = "applied" | "refused" | "overflowed";

/** Most work of one patch (`workOf`), beside its own text: some tens of milliseconds. */
const MAX_PATCH_WORK = 8 * 1024 * 1024;
/** Elements that a list moves while one byte of JSON is visited. */
const SHIFTS_PER_BYTE = 4;
/**
 * A removed value is measured if that takes no more work; otherwise the whole document is, now and
 * then.
 */
const MAX_GONE_WORK = 16 * 1024;
/**
 * Bytes that may be removed unmeasured before the document is measured again, beside as many as it
 * has.
 */
const SLACK_BYTES = 64 * 1024;

export interface DocumentOptions extends JsonLimits {
  /** The work that patches may do. */
  readonly work: PatchWork;
}

/** What a document knows of its size. */
export interface DocumentCounts {
  /** Bytes of its JSON text, about. */
  readonly bytes: number;
  /** Whether no removed value is counted. */
  readonly isExact: boolean;
  /** `bytes` when that was last so. */
  readonly exactBytes: number;
}

/**
 * A JSON document that patches (RFC 6902) change in place: a patch costs what it changes, not what
 * the document weighs. The size of a patch's result, and the work of it, are known to be within the
 * limits before it is applied.
 *
 * The document keeps and changes the values that it is given; their giver must not use them any
 * more.
 */
export class PatchedDocument {
  readonly #options: DocumentOptions;
  #value: unknown;
  /**
   * Bytes of the document, at least; more than it has while removed values have not been measured.
   */
  #bytes: number;
  #isExact: boolean;
  /** `#bytes` when it was last exact. */
  #exactBytes: number;
  /** Work that the patch may still do. */
  #left = 0;
  readonly #undo: (() => void)[] = [];
  /** Members that the patch has removed. They stay, undefined, until it is over: so undoing keeps their order. */
  readonly #removed: Place[] = [];
  /** Members that come last in their objects once the patch is over, in this order. */
  readonly #last: [parent: Record<string, unknown>, key: string][] = [];

  private constructor(
    value: unknown,
    { bytes, isExact = true, exactBytes = bytes }: Partial<DocumentCounts> & { bytes: number },
    options: DocumentOptions,
  ) {
    this.#value = value;
    this.#bytes = bytes;
    this.#isExact = isExact;
    this.#exactBytes = exactBytes;
    this.#options = options;
  }

  /** The document of a value that was parsed from text; null if it is over the limits. */
  static of(value: unknown, options: DocumentOptions): PatchedDocument | null {
    return atOnce(PatchedDocument.ofInSteps(value, options));
  }

  /** The same for a value that may be large. */
  static *ofInSteps(value: unknown, options: DocumentOptions): Steps<PatchedDocument | null> {
    const size = yield* measureInSteps(value, options);
    options.work.earn(size?.bytes ?? 0);
    return size && new PatchedDocument(value, size, options);
  }

  /** The document that had this value and these counts. */
  static restored(
    value: unknown,
    counts: DocumentCounts,
    options: DocumentOptions,
  ): PatchedDocument {
    return new PatchedDocument(value, counts, options);
  }

  get counts(): DocumentCounts {
    return { bytes: this.#bytes, isExact: this.#isExact, exactBytes: this.#exactBytes };
  }

  get value(): unknown {
    return this.#value;
  }

  /** Bytes of its JSON text, about: at most twice as many as it has, and some. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Applies a patch that came in an event of so many bytes. */
  apply(patch: JsonPatch, policy: PatchPolicy, eventBytes: number): PatchOutcome {
    return atOnce(this.applyInSteps(patch, policy, eventBytes));
  }

  /** The same for a patch that may be large; until it is done nobody may look at the document. */
  *applyInSteps(patch: JsonPatch, policy: PatchPolicy, eventBytes: number): Steps<PatchOutcome> {
    const { work } = this.#options;
    work.earn(eventBytes);
    const most = Math.min(work.left, MAX_PATCH_WORK + 16 * eventBytes);
    this.#left = most;
    const outcome = yield* this.#applyAll(patch, policy);
    work.spend(most - this.#left);
    this.#undo.length = 0;
    this.#removed.length = 0;
    this.#last.length = 0;
    // paid for by what has been added since it was measured
    if (!this.#isExact && this.#bytes > 2 * this.#exactBytes + SLACK_BYTES)
      this.#measureAll(Infinity);
    if (this.#isExact) this.#exactBytes = this.#bytes;
    return outcome;
  }

  *#applyAll(patch: JsonPatch, policy: PatchPolicy): Steps<PatchOutcome> {
    const value = this.#value;
    const bytes = this.#bytes;
    const isExact = this.#isExact;
    for (const operation of patch) {
      const outcome = yield* this.#operate(operation, policy);
      yield;
      if (outcome === "applied") continue;
      while (this.#undo.length > 0) this.#undo.pop()!();
      this.#value = value;
      this.#bytes = bytes;
      this.#isExact = isExact;
      return outcome;
    }
    for (const { parent, key } of this.#removed) {
      if (!Array.isArray(parent) && parent[key] === undefined) delete parent[key];
      yield;
    }
    for (const [parent, key] of this.#last) {
      yield;
      if (!Object.hasOwn(parent, key)) continue;
      const member = parent[key];
      delete parent[key];
      setMember(parent, key, member);
    }
    return "applied";
  }

  *#operate(operation: Operation, policy: PatchPolicy): Steps<PatchOutcome> {
    const { op, path } = operation;
    const from = "from" in operation ? operation.from : "";
    if (path.length > MAX_POINTER_CHARS || from.length > MAX_POINTER_CHARS) return "overflowed";
    if (!policy.takes(operation)) return "refused";
    switch (op) {
      case "add":
      case "replace":
        if (op === "replace" && valueAt(this.#value, path) === undefined) return "refused";
        return yield* this.#put(operation, operation.value, policy);
      case "test":
        return this.#test(path, operation.value);
      case "remove":
        return this.#remove(path);
      default: {
        const value = valueAt(this.#value, from);
        if (value === undefined) return "refused";
        if (op === "copy") return yield* this.#put(operation, value, policy);
        // a value cannot be moved into itself
        if (from === "") return path === "" ? "applied" : "refused";
        return this.#move(operation, value, policy);
      }
    }
  }

  #test(path: string, value: unknown): PatchOutcome {
    const place = path === "" ? null : placeAt(this.#value, path);
    const found =
      place && Array.isArray(place.parent) && /^\d*$/.test(place.key)
        ? // clients find an element by what is no index of RFC 6901 as well: "01", or nothing for the first
          place.parent[Number(place.key) | 0]
        : valueAt(this.#value, path);
    if (found === undefined) return "refused";
    const isEqual = isEqualJson(found, value, (count) => this.#spend(workOf(count)));
    if (this.#left < 0) return "overflowed";
    return isEqual ? "applied" : "refused";
  }

  /** Puts a value where it was not: of the patch itself, or a copy. */
  *#put(operation: Operation, value: unknown, policy: PatchPolicy): Steps<PatchOutcome> {
    const { op, path } = operation;
    const isCopy = op === "copy";
    const place = path === "" ? null : placeAt(this.#value, path);
    if (place === null && path !== "") return "refused";
    const index = place && indexFor(place, policy, op);
    if (place && Array.isArray(place.parent) && index === null) return "refused";
    const { maxBytes, maxDepth } = this.#options;
    // what is of the patch is paid for by its text
    const maxWork = isCopy ? this.#left / 2 : Infinity;
    const limits = { maxBytes, maxDepth: maxDepth - (place?.depth ?? 0), maxWork };
    const size = yield* measureInSteps(value, limits);
    if (!size) return "overflowed";
    // it is measured, then copied
    if (isCopy) this.#spend(2 * size.work);
    if (place) this.#forget(place, op);
    else {
      this.#bytes = 0;
      this.#isExact = true;
    }
    this.#bytes += size.bytes + (place ? memberBytes(place) : 0);
    if (this.#isExact && this.#bytes > maxBytes) return "overflowed";
    const made = isCopy ? copyJson(value) : value;
    if (place === null) this.#value = made;
    else if (!this.#attach(place, index, made, op) || !this.#isWithin()) return "overflowed";
    return "applied";
  }

  #move(
    operation: Operation & { readonly from: string },
    value: unknown,
    policy: PatchPolicy,
  ): PatchOutcome {
    const { from, op, path } = operation;
    const source = placeAt(this.#value, from);
    if (!source) return "refused";
    if (path === "") {
      this.#value = value;
      this.#isExact = false;
      this.#measureAll(Math.min(MAX_GONE_WORK, this.#left));
      return "applied";
    }
    // clients look for the place before the value has gone from where it was, and again after that
    const before = placeAt(this.#value, path);
    if (!before || (Array.isArray(before.parent) && !/^(?:-|\d*)$/.test(before.key)))
      return "refused";
    if (!this.#detach(source)) return "overflowed";
    const place = placeAt(this.#value, path);
    if (!place) return "refused";
    const index = indexFor(place, policy, op);
    if (Array.isArray(place.parent) && index === null) return "refused";
    if (place.depth > source.depth) {
      const maxDepth = this.#options.maxDepth - place.depth;
      const size = measureJson(value, { maxBytes: Infinity, maxDepth, maxWork: this.#left });
      if (!size) return "overflowed";
      this.#spend(size.work);
    }
    this.#forget(place, op);
    this.#bytes += memberBytes(place);
    const isMoved = this.#attach(place, index, value, op) && this.#isWithin();
    return isMoved ? "applied" : "overflowed";
  }

  #remove(path: string): PatchOutcome {
    if (path === "") {
      this.#value = null;
      this.#bytes = 4;
      this.#isExact = true;
      return "applied";
    }
    const place = placeAt(this.#value, path);
    const value = place && memberOf(place.parent, place.key);
    if (!place || value === undefined) return "refused";
    if (!this.#detach(place)) return "overflowed";
    this.#subtract(value);
    return "applied";
  }

  /** Subtracts the value that another one replaces. */
  #forget(place: Place, op: Operation["op"]): void {
    const { parent, key } = place;
    const isInserted = Array.isArray(parent) && op !== "replace";
    const value = isInserted ? undefined : memberOf(parent, key);
    if (value === undefined) return;
    this.#bytes -= memberBytes(place);
    this.#subtract(value);
  }

  /**
   * Subtracts a removed value. A large one is not measured; the size is then not exact for a while.
   */
  #subtract(value: unknown): void {
    const maxWork = Math.min(MAX_GONE_WORK, this.#left);
    const size = measureJson(value, { maxBytes: Infinity, maxDepth: Infinity, maxWork });
    this.#spend(size ? size.work : Math.max(0, maxWork));
    this.#bytes -= size?.bytes ?? 0;
    if (!size) this.#isExact = false;
  }

  /** Whether the document is within its limits. */
  #isWithin(): boolean {
    const { maxBytes } = this.#options;
    if (this.#bytes <= maxBytes) return true;
    return !this.#isExact && this.#measureAll(this.#left) && this.#bytes <= maxBytes;
  }

  /** Measures the document; false if that is too much work. */
  #measureAll(maxWork: number): boolean {
    const size = measureJson(this.#value, { maxBytes: Infinity, maxDepth: Infinity, maxWork });
    if (!size) return false;
    if (maxWork !== Infinity) this.#spend(size.work);
    this.#bytes = size.bytes;
    this.#isExact = true;
    return true;
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
  #attach(
    { parent, key }: Place,
    index: number | null,
    value: unknown,
    op: Operation["op"],
  ): boolean {
    if (!Array.isArray(parent)) {
      this.#set(parent, key, value);
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
      parent.splice(at, 0, value);
      this.#undo.push(() => parent.splice(at, 1));
    }
    return true;
  }

  #set(parent: Record<string, unknown>, key: string, value: unknown): void {
    const wasThere = Object.hasOwn(parent, key);
    const before = wasThere ? parent[key] : undefined;
    // what this patch has removed comes last now, and so does what is new after that
    const isLast = wasThere ? before === undefined : this.#last.length > 0;
    if (isLast) this.#last.push([parent, key]);
    setMember(parent, key, value);
    this.#undo.push(() => {
      if (wasThere) parent[key] = before;
      else delete parent[key];
    });
  }

  #spend(work: number): boolean {
    this.#left -= work;
    return this.#left >= 0;
  }
}

/** The index at which a value is put into a list; null where it cannot be, and for an object. */
function indexFor({ parent, key }: Place, policy: PatchPolicy, op: Operation["op"]): number | null {
  if (!Array.isArray(parent)) return null;
  return op === "replace" ? Number(key) : policy.insertAt(key, parent.length, op);
}

/** Bytes of a member or an element beside its value. */
function memberBytes({ parent, key }: Place): number {
  return Array.isArray(parent) ? 1 : keyBytes(key);
}
