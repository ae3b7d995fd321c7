import { MAX_JSON_DEPTH } from "../../../stream/json/json-scan.ts";
import { laterIf, type Rest, type Steps } from "../../../stream/sync/steps.ts";
import { isJsonPatch, type JsonPatch } from "../../model/json-patch.ts";
import { AS_CLIENTS } from "../../model/patch-policy.ts";
import { PatchWork } from "../../model/patch-work.ts";
import { type DocumentCounts, PatchedDocument } from "../../model/patched-document.ts";
import type { ParsedEvent } from "../repair/parsed-event.ts";

/** Limits of a snapshot's state, which with the event around it may be no deeper than an event. */
const LIMITS = { maxBytes: 8 * 1024 * 1024, maxDepth: MAX_JSON_DEPTH - 1 };
/** Work that is free: less than a second. */
const FIRST_WORK = 256 * 1024 * 1024;

/** A state as JSON, with what is known of its size, and the work that may still be done on it. */
export interface SavedState extends DocumentCounts {
  readonly value: unknown;
  readonly isSet: boolean;
  readonly work: number;
}

/** The state that a session's events make, as clients keep it, until it is over the limits. */
export class StateDocument {
  #options = { ...LIMITS, work: new PatchWork(FIRST_WORK) };
  #document: PatchedDocument | null = PatchedDocument.of({}, this.#options);
  /** The state before it became one that clients before 1.0 ignore. */
  #before: unknown;
  #isSet = false;

  /**
   * Whether the state was released because of its size, or of the size that a patch would have
   * given it.
   */
  get isOverflowed(): boolean {
    return this.#document === null;
  }

  /** All of it but what clients before 1.0 had before; null once the state was released. */
  get saved(): SavedState | null {
    const document = this.#document;
    if (!document) return null;
    const { value, counts } = document;
    return { value, isSet: this.#isSet, ...counts, work: this.#options.work.left };
  }

  restore(saved: SavedState | null): void {
    this.#options = { ...LIMITS, work: new PatchWork(saved?.work ?? 0) };
    this.#isSet = saved?.isSet ?? true;
    this.#document = saved && PatchedDocument.restored(saved.value, saved, this.#options);
  }

  /** Whether any event has set the state. */
  get isSet(): boolean {
    return this.#isSet;
  }

  /**
   * The states that a client is sent one after the other to have it: clients before 1.0 keep their
   * state when the new one is null, 0, false or empty text.
   */
  get values(): readonly unknown[] {
    if (!this.#document) return [];
    const { value } = this.#document;
    return value || this.#before === undefined ? [value] : [this.#before, value];
  }

  apply(type: string, line: ParsedEvent): Rest {
    const document = this.#document;
    if (!document || (type !== "STATE_SNAPSHOT" && type !== "STATE_DELTA")) return undefined;
    this.#isSet = true;
    if (document.value) this.#before = document.value;
    if (type === "STATE_SNAPSHOT") return laterIf(line.isLong, this.#replace(line));
    const patch = line.exact("delta");
    return isJsonPatch(patch)
      ? laterIf(line.isLong, this.#patch(document, patch, line))
      : undefined;
  }

  *#patch(document: PatchedDocument, patch: JsonPatch, { bytes }: ParsedEvent): Steps {
    const outcome = yield* document.applyInSteps(patch, AS_CLIENTS, bytes.length);
    if (outcome === "overflowed") this.#document = null;
  }

  *#replace(line: ParsedEvent): Steps {
    const value = yield* line.exactInSteps("snapshot");
    this.#document = yield* PatchedDocument.ofInSteps(value, this.#options);
  }
}
