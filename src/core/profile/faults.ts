import type { SessionKey } from "../../ports/log-store.ts";
import type { Logger } from "../../ports/logger.ts";

/** Counts the events of one stream over which something failed, and logs the first of them. */
export class Faults {
  readonly #key: SessionKey;
  readonly #logger: Logger | undefined;
  #count = 0;

  constructor(key: SessionKey, logger: Logger | undefined) {
    this.#key = key;
    this.#logger = logger;
  }

  readonly report = (error: unknown, type: string): void => {
    this.#count++;
    const name = error instanceof Error ? error.name : typeof error;
    if (this.#count === 1) this.#logger?.warn("event-untold", { ...this.#key, type, error: name });
  };

  /** Logs how many there were, if there were more than the one that was logged. */
  close(): void {
    if (this.#count > 1) this.#logger?.warn("events-untold", { ...this.#key, count: this.#count });
  }
}
