/** The bytes that one holder has taken from a budget, bit by bit. */
export interface ByteLease {
  /** Bytes held now. */
  readonly heldBytes: number;

  /**
   * Takes `bytes` more if they are free, or if this lease is the one in overdraft. Never waits,
   * never begins an overdraft.
   */
  tryGrow(bytes: number): boolean;

  /**
   * Takes `bytes` more as soon as its turn comes; one call at a time. Rejects with the signal's
   * reason when that comes first, and has taken nothing then.
   */
  grow(bytes: number, options?: { readonly signal?: AbortSignal }): Promise<void>;

  /** Releases all bytes, and the overdraft with them. The lease may grow again afterwards. */
  release(): void;
}

/**
 * Bytes of memory that many holders share, for the whole process.
 *
 * **Order.** Waiting callers are served in the order of arrival; while one waits no other passes
 * it. **Overdraft.** Holders that grow bit by bit could all wait for each other. So of the leases
 * that wait the longest-waiting one may go over the limit, and grows without waiting until it is
 * released; there is never more than one such lease. **Bound.** Never more is taken than the limit
 * plus the largest single lease. **Progress.** As long as the lease in overdraft is released some
 * time, and so are plain takes, every caller gets its turn.
 */
export interface ByteBudget {
  readonly limitBytes: number;
  /** Taken now, over all holders. */
  readonly usedBytes: number;

  /** Takes `bytes` if they are free and nobody waits. Never waits. */
  tryTake(bytes: number): boolean;

  /**
   * Takes `bytes` as soon as they are free. Plain takes get no overdraft: more than the limit is a
   * RangeError. Rejects with the signal's reason when that comes first, and has taken nothing then.
   */
  take(bytes: number, options?: { readonly signal?: AbortSignal }): Promise<void>;

  /** Releases bytes of a plain take. More than is taken is a RangeError. */
  release(bytes: number): void;

  /** A new lease, holding nothing. */
  lease(): ByteLease;
}

/**
 * Makes a budget of `limitBytes`.
 *
 * @example
 * ```ts
 * import { createByteBudget } from "runlog";
 *
 * const budget = createByteBudget(64 * 1024 * 1024);
 * await budget.take(1_000, { signal: AbortSignal.timeout(5_000) });
 * budget.release(1_000);
 * ```
 */
export function createByteBudget(limitBytes: number): ByteBudget {
  return new Budget(limitBytes);
}

interface Waiter {
  readonly bytes: number;
  /** Null for a plain take. */
  readonly lease: Lease | null;
  readonly grant: () => void;
}

class Budget implements ByteBudget {
  readonly limitBytes: number;
  #used = 0;
  readonly #waiting = new Set<Waiter>();
  #overdraft: Lease | null = null;

  constructor(limitBytes: number) {
    this.limitBytes = limitBytes;
  }

  get usedBytes(): number {
    return this.#used;
  }

  tryTake(bytes: number): boolean {
    return this.tryTakeFor(null, bytes);
  }

  /** As `tryTake`; the lease in overdraft always succeeds. */
  tryTakeFor(lease: Lease | null, bytes: number): boolean {
    checkSize(bytes);
    const isFree = this.#waiting.size === 0 && this.#fits(bytes);
    if (!isFree && (lease === null || lease !== this.#overdraft)) return false;
    this.#hand(lease, bytes);
    return true;
  }

  async take(bytes: number, options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    checkSize(bytes);
    if (bytes > this.limitBytes)
      throw new RangeError(`${bytes} bytes can never be taken from ${this.limitBytes}`);
    await this.takeFor(null, bytes, options.signal);
  }

  async takeFor(lease: Lease | null, bytes: number, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    if (this.tryTakeFor(lease, bytes)) return;
    await new Promise<void>((resolve, reject) => {
      const waiter: Waiter = {
        bytes,
        lease,
        grant: () => {
          signal?.removeEventListener("abort", leave);
          resolve();
        },
      };
      const leave = (): void => {
        this.#waiting.delete(waiter);
        reject(signal?.reason);
        this.#serve();
      };
      signal?.addEventListener("abort", leave, { once: true });
      this.#waiting.add(waiter);
      this.#serve();
    });
  }

  release(bytes: number): void {
    checkSize(bytes);
    if (bytes > this.#used) throw new RangeError(`${bytes} bytes released, ${this.#used} taken`);
    this.#used -= bytes;
    this.#serve();
  }

  releaseFor(lease: Lease, bytes: number): void {
    if (this.#overdraft === lease) this.#overdraft = null;
    this.release(bytes);
  }

  lease(): ByteLease {
    return new Lease(this);
  }

  #fits(bytes: number): boolean {
    return this.#used + bytes <= this.limitBytes;
  }

  /** Serves every waiting caller that can be served now. */
  #serve(): void {
    for (const waiter of this.#waiting) {
      if (!this.#fits(waiter.bytes)) break;
      this.#admit(waiter);
    }
    if (this.#overdraft !== null) return;
    for (const waiter of this.#waiting) {
      if (waiter.lease === null) continue;
      this.#overdraft = waiter.lease;
      this.#admit(waiter);
      return;
    }
  }

  #admit(waiter: Waiter): void {
    this.#waiting.delete(waiter);
    this.#hand(waiter.lease, waiter.bytes);
    waiter.grant();
  }

  #hand(lease: Lease | null, bytes: number): void {
    this.#used += bytes;
    lease?.add(bytes);
  }
}

class Lease implements ByteLease {
  readonly #budget: Budget;
  #held = 0;
  #isGrowing = false;

  constructor(budget: Budget) {
    this.#budget = budget;
  }

  get heldBytes(): number {
    return this.#held;
  }

  tryGrow(bytes: number): boolean {
    return this.#budget.tryTakeFor(this, bytes);
  }

  async grow(bytes: number, options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    if (this.#isGrowing) throw new TypeError("a lease grows once at a time");
    this.#isGrowing = true;
    try {
      await this.#budget.takeFor(this, bytes, options.signal);
    } finally {
      this.#isGrowing = false;
    }
  }

  /** Called by the budget in the same step in which it serves the caller. */
  add(bytes: number): void {
    this.#held += bytes;
  }

  release(): void {
    const held = this.#held;
    this.#held = 0;
    this.#budget.releaseFor(this, held);
  }
}

function checkSize(bytes: number): void {
  if (!Number.isSafeInteger(bytes) || bytes < 0)
    throw new RangeError(`${bytes} is no number of bytes`);
}
