import type { Clock } from "../../ports/clock.ts";
import type { Logger } from "../../ports/logger.ts";
import type { Address } from "./addresses.ts";

/** Which addresses take what they are sent; a line is logged when that changes, not for each attempt. */
export class AddressHealth {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #gone = new Set<string>();
  /** Since when addresses have taken nothing, by their hashes, epoch ms. */
  readonly #failingSince = new Map<string, number>();

  constructor(clock: Clock, logger: Logger) {
    this.#clock = clock;
    this.#logger = logger;
  }

  /** Whether it has asked to be sent nothing any more, since this process started. */
  isGone({ hash }: Address): boolean {
    return this.#gone.has(hash);
  }

  noteGone({ hash, origin }: Address): void {
    if (this.#gone.has(hash)) return;
    this.#gone.add(hash);
    this.#logger.error("webhook-address-gone", { address: origin });
  }

  noteFailing({ hash, origin }: Address, failure: object): void {
    if (this.#failingSince.has(hash)) return;
    this.#failingSince.set(hash, this.#clock.now());
    this.#logger.warn("webhook-address-failing", { address: origin, ...failure });
  }

  noteWorking({ hash, origin }: Address, waiting: number): void {
    const since = this.#failingSince.get(hash);
    if (since === undefined) return;
    this.#failingSince.delete(hash);
    const forMs = this.#clock.now() - since;
    this.#logger.info("webhook-address-works", { address: origin, forMs, waiting });
  }
}
