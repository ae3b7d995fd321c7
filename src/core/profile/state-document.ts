import { MAX_JSON_DEPTH } from "../../stream/json-scan.ts";
import { isJsonPatch } from "../json-patch.ts";
import { AS_CLIENTS } from "../patch-policy.ts";
import { PatchWork } from "../patch-work.ts";
import { PatchedDocument } from "../patched-document.ts";
import type { EventLine } from "./event-line.ts";

/** What a snapshot has room for; with the event around it no deeper than an event may be. */
const LIMITS = { maxBytes: 8 * 1024 * 1024, maxDepth: MAX_JSON_DEPTH - 1 };
/** Less than a second. */
const FIRST_WORK = 256 * 1024 * 1024;

/** The state that a session's events make, as clients keep it, until it is over the limits. */
export class StateDocument {
  readonly #options = { ...LIMITS, work: new PatchWork(FIRST_WORK) };
  #document: PatchedDocument | null = PatchedDocument.of({}, this.#options);
  #isSet = false;

  /** Whether the state was let go because of its size, or of what a patch would have made of it. */
  get isLost(): boolean {
    return this.#document === null;
  }

  /** Whether any event has said something of it. */
  get isSet(): boolean {
    return this.#isSet;
  }

  get value(): unknown {
    return this.#document ? this.#document.value : {};
  }

  apply(type: string, line: EventLine): void {
    const document = this.#document;
    if (!document || (type !== "STATE_SNAPSHOT" && type !== "STATE_DELTA")) return;
    this.#isSet = true;
    if (type === "STATE_SNAPSHOT") {
      this.#document = PatchedDocument.of(line.exact("snapshot"), this.#options);
      return;
    }
    const patch = line.exact("delta");
    if (!isJsonPatch(patch)) return;
    if (document.apply(patch, AS_CLIENTS, line.bytes.length) === "overflowed")
      this.#document = null;
  }
}
