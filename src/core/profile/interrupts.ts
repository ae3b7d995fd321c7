import { isObject } from "../model/json-fields.ts";
import { ParsedEvent } from "./repair/parsed-event.ts";

/** What is kept of all that a session waits for; more is not said again. */
const MAX_BYTES = 1024 * 1024;

/**
 * What a session's agent waits for: the outcome with which its last run was interrupted, and the CUSTOM
 * events by which older agents say the same. A client forgets it with each run that begins.
 */
export class Interrupts {
  #outcome: unknown = null;
  #customs: readonly ParsedEvent[] = [];
  #bytes = 0;
  #isOverflowed = false;

  /** Whether there is something that is not known, or takes more than is kept. */
  get isOverflowed(): boolean {
    return this.#isOverflowed;
  }

  /** The CUSTOM events, in order. */
  get customs(): readonly ParsedEvent[] {
    return this.#customs;
  }

  /** Whether the last run ended with such an outcome. */
  get isInterrupted(): boolean {
    return this.#outcome !== null;
  }

  /** The end of a run that says again how the last one ended. */
  finished(): ParsedEvent {
    const outcome = this.#outcome === null ? {} : { outcome: this.#outcome };
    return ParsedEvent.of({ type: "RUN_FINISHED", ...outcome });
  }

  /** A run begins: nothing is waited for. */
  clear(): void {
    this.#outcome = null;
    this.#customs = [];
    this.#bytes = 0;
    this.#isOverflowed = false;
  }

  /** What is waited for cannot be said. */
  lose(): void {
    this.clear();
    this.#isOverflowed = true;
  }

  /** Looks at an event of the run that is open. */
  take(type: string, line: ParsedEvent): void {
    if (this.#isOverflowed) return;
    if (type === "CUSTOM" && line.text("name") === "on_interrupt") {
      // a copy: it is said long after its chunk has gone
      if (this.#fits(line)) this.#customs = [...this.#customs, line.copy()];
    } else if (type === "RUN_FINISHED" && line.kind("outcome") === "object") {
      const outcome = line.exact("outcome");
      if (!isObject(outcome) || outcome["type"] !== "interrupt") return;
      if (this.#fits(line)) this.#outcome = outcome;
    }
  }

  #fits({ bytes }: ParsedEvent): boolean {
    this.#bytes += bytes.length;
    if (this.#bytes > MAX_BYTES) this.lose();
    return !this.#isOverflowed;
  }
}
