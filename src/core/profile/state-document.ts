import { applyJsonPatch, isJsonPatch } from "../json-patch.ts";
import type { EventLine } from "./event-line.ts";

/** Most characters of JSON that a state and the patches on it may have. */
const LIMIT_CHARS = 8 * 1024 * 1024;

/** The state that a session's events make, as clients keep it, until it is larger than the limit. */
export class StateDocument {
  #value: unknown = {};
  #chars = 0;
  #isSet = false;

  /** Whether the state was let go because of its size. */
  get isLost(): boolean {
    return this.#chars > LIMIT_CHARS;
  }

  /** Whether any event has said something of it. */
  get isSet(): boolean {
    return this.#isSet;
  }

  get value(): unknown {
    return this.#value;
  }

  apply(type: string, line: EventLine): void {
    if (this.isLost || (type !== "STATE_SNAPSHOT" && type !== "STATE_DELTA")) return;
    this.#isSet = true;
    if (type === "STATE_SNAPSHOT") {
      this.#chars = line.bytes.length;
      this.#value = line.json("snapshot");
    } else {
      const patch = line.json("delta");
      const next = isJsonPatch(patch) ? applyJsonPatch(this.#value, patch) : undefined;
      if (next === undefined) return;
      this.#chars += line.bytes.length;
      this.#value = next;
    }
    if (this.isLost) this.#value = {};
  }
}
