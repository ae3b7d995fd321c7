import { JsonObjectScanner, MAX_JSON_DEPTH } from "../../stream/json/json-scan.ts";
import { kindAt } from "../../stream/json/json-walk.ts";
import { parseExact } from "../model/exact-json.ts";
import { isJsonPatch } from "../model/json-patch.ts";
import { ONLY_CERTAIN } from "../model/patch-policy.ts";
import { PatchWork } from "../model/patch-work.ts";
import { PatchedDocument } from "../model/patched-document.ts";
import type { EventLine } from "./event-line.ts";
import { hasLostNumber } from "./lost-numbers.ts";

/** Largest state that is held, in bytes of JSON text; patches may add as much again. */
const MAX_STATE_BYTES = 256 * 1024;
/** Limits of the patched state, which is in an event: that has a depth of its own. */
const LIMITS = { maxBytes: 2 * MAX_STATE_BYTES, maxDepth: MAX_JSON_DEPTH - 1 };
/** Free work of each snapshot: the result must not depend on what came before it. */
const FIRST_WORK = 1024 * 1024;

const LF = Uint8Array.of(10);
const encoder = new TextEncoder();
const decoder = new TextDecoder();

interface Fold {
  /** The snapshot's line, and the place of its value in it. */
  readonly line: Uint8Array<ArrayBuffer>;
  readonly from: number;
  readonly to: number;
  /** The members that its events share. */
  readonly invariantMembers: string;
  /** The patched state; null as long as no patch was applied. */
  document: PatchedDocument | null;
  /** Bytes of the snapshot and of the patches since. */
  bytes: number;
}

/**
 * Folds the state of a run from its first snapshot on: takes snapshots and patches, and returns one
 * snapshot. An event that it refuses has to be emitted as it is, after the snapshot for those that
 * it has taken.
 *
 * A snapshot without patches is returned with the bytes that it had, and every number with its
 * text. Refused are patches before a snapshot, patches that fail, are not plain (`ONLY_CERTAIN`) or
 * make more than there is room for, states above the limit, and whatever would make a difference to
 * a client: numbers that a client loses when it patches (`hasLostNumber`), members that differ from
 * those of the snapshot, a state without members (a client may ignore `null` and keep the state
 * before it).
 */
export class StateFold {
  readonly #scanner = new JsonObjectScanner([]);
  #fold: Fold | null = null;

  /** Takes a snapshot or a patch; false if it, and what is held, have to be emitted as events. */
  take(line: EventLine, kind: "snapshot" | "patch"): boolean {
    const { bytes, body, start, end } = line;
    if (!body || line.metadata) return false;
    const length = body.end - body.start;
    const fold = this.#fold;
    if (length > MAX_STATE_BYTES || !this.#isValid(line)) return false;
    if (kind === "patch" && (!fold || fold.bytes + length > 2 * MAX_STATE_BYTES)) return false;
    const invariantMembers = invariantMembersOf(line);
    if (fold && fold.invariantMembers !== invariantMembers) return false;
    if (kind === "patch") {
      if (!fold || !patch(fold, bytes.subarray(body.start, body.end))) return false;
      fold.bytes += length;
      return true;
    }
    const valueKind = kindAt(bytes, body.start);
    if (valueKind !== "object" && valueKind !== "array") return false;
    this.#fold = {
      line: bytes.slice(start, end),
      from: body.start - start,
      to: body.end - start,
      invariantMembers,
      document: null,
      bytes: length,
    };
    return true;
  }

  /**
   * The one snapshot that stands for all events that were taken, its LF included; empty if there
   * are none.
   */
  flush(): Uint8Array<ArrayBuffer>[] {
    const fold = this.#fold;
    this.#fold = null;
    if (!fold) return [];
    const { line, from, to } = fold;
    if (!fold.document) return [line, LF];
    const state = encoder.encode(JSON.stringify(fold.document.value));
    return [line.subarray(0, from), state, line.subarray(to), LF];
  }

  #isValid({ bytes, start, end }: EventLine): boolean {
    this.#scanner.reset();
    return this.#scanner.push(bytes, start, end) && this.#scanner.end();
  }
}

/** Applies a patch to the held state; false, with nothing changed, if that cannot be done. */
function patch(fold: Fold, bytes: Uint8Array): boolean {
  const snapshot = fold.line.subarray(fold.from, fold.to);
  if (hasLostNumber(bytes) || (!fold.document && hasLostNumber(snapshot))) return false;
  const operations = parseExact(bytes);
  if (!isJsonPatch(operations)) return false;
  const document = fold.document ?? documentOf(snapshot);
  if (document?.apply(operations, ONLY_CERTAIN, bytes.length) !== "applied") return false;
  fold.document = document;
  return true;
}

function documentOf(snapshot: Uint8Array): PatchedDocument | null {
  const work = new PatchWork(FIRST_WORK);
  return PatchedDocument.of(parseExact(snapshot), { ...LIMITS, work });
}

function invariantMembersOf(line: EventLine): string {
  const parts: string[] = [];
  line.invariantMembers((start, end) => {
    parts.push(decoder.decode(line.bytes.subarray(start, end)));
    return true;
  });
  return parts.join();
}
