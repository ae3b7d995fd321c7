import { factsOf } from "../../src/ports/event-facts.ts";
import type { EventFacts } from "../../src/ports/runner-client.ts";
import type { JsonObjectScanner } from "../../src/stream/json/json-scan.ts";

const SLOTS = 64;

/**
 * The facts of a stream's events: one object for all events of one length in which the same was found. The events of
 * a message differ in their text alone, and an object for each of them is most of what there is to collect.
 */
export class SharedFacts {
  /** What was found, as long as it is that, and the facts that were made of it, by the lowest bits of the length. */
  #found: JsonObjectScanner["values"] | null = null;
  readonly #known: (EventFacts | null)[] = Array.from({ length: SLOTS }, () => null);

  /** As `factsOf`. */
  of(scanner: JsonObjectScanner, bytes: number): EventFacts {
    if (scanner.values !== this.#found) {
      this.#found = scanner.values;
      this.#known.fill(null);
    }
    const slot = bytes % SLOTS;
    const known = this.#known[slot];
    if (known?.bytes === bytes) return known;
    const facts = factsOf(scanner, bytes);
    this.#known[slot] = facts;
    return facts;
  }
}
