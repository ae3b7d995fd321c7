/** A part of a budget that grows bit by bit. */
export interface BudgetHold {
  readonly heldBytes: number;
  /** Aborts when it was taken away: nothing is held from then on. */
  readonly revoked: AbortSignal;
  /**
   * Takes `bytes` more. False if there was no room in time, or it was taken away; one call at a
   * time.
   */
  grow(bytes: number): Promise<boolean>;
  /** Marks what is held as complete, so that it cannot be taken away any more. */
  keep(): void;
  /** Releases everything. Idempotent. */
  release(): void;
}

/**
 * Bytes of memory for data from outside, whose senders decide how fast it comes (decision 016).
 *
 * **With room** no holder is hurried. **Without room** a holder that wants more waits, and one
 * whose data is still incomplete after `graceMs` may lose them: first holders of the groups that
 * hold most, then those that have taken the most memory for the longest time, which are those that
 * send slowly or nothing. No holder takes from one that has less. **Order.** Of the waiting holders
 * the one whose groups hold least is next, then the first. **Bound.** Never more than the limit is
 * held; no holder waits longer than `maxWaitMs`.
 */
export interface SharedBudget {
  readonly limitBytes: number;
  /** Bytes held now, by all. */
  readonly usedBytes: number;
  /**
   * @param groups the holder's groups; the one that counts first comes first.
   */
  hold(groups: readonly string[]): BudgetHold;
}

export interface SharedBudgetOptions {
  readonly limitBytes: number;
  readonly timers: Timers;
  /** Default 2 s. */
  readonly graceMs?: number;
  /** Default 5 s. */
  readonly maxWaitMs?: number;
}

/** The part of the port `Clock` that is used. */
interface Timers {
  now(): number;
  after(ms: number, callback: () => void): () => void;
}

/** A budget of which nothing is held. */
export function createSharedBudget(options: SharedBudgetOptions): SharedBudget {
  return new Budget(options);
}

interface Waiter {
  readonly bytes: number;
  readonly sinceMs: number;
  readonly settle: (isGranted: boolean) => void;
}

class Budget implements SharedBudget {
  readonly limitBytes: number;
  readonly timers: Timers;
  readonly maxWaitMs: number;
  /** In the order in which they came. */
  readonly waiting: Set<Hold> = new Set<Hold>();
  readonly #graceMs: number;
  #used = 0;
  readonly #holds = new Set<Hold>();
  readonly #totals = new Map<string, number>();
  #cancelLook: (() => void) | null = null;
  #count = 0;

  constructor({ limitBytes, timers, graceMs = 2_000, maxWaitMs = 5_000 }: SharedBudgetOptions) {
    this.limitBytes = limitBytes;
    this.timers = timers;
    this.maxWaitMs = maxWaitMs;
    this.#graceMs = graceMs;
  }

  get usedBytes(): number {
    return this.#used;
  }

  hold(groups: readonly string[]): BudgetHold {
    // a project may have the name of a caller
    const hold = new Hold(
      this,
      groups.map((group, at) => `${at}:${group}`),
      this.#count++,
    );
    this.#holds.add(hold);
    return hold;
  }

  /** Counts `bytes` more, or less, for a hold and its groups. */
  count(hold: Hold, bytes: number): void {
    this.#used += bytes;
    hold.heldBytes += bytes;
    for (const group of hold.groups) {
      const total = this.totalOf(group) + bytes;
      if (total === 0) this.#totals.delete(group);
      else this.#totals.set(group, total);
    }
  }

  totalOf(group: string): number {
    return this.#totals.get(group) ?? 0;
  }

  drop(hold: Hold): void {
    this.#holds.delete(hold);
    this.count(hold, -hold.heldBytes);
    this.serve();
  }

  /** Takes `bytes` at once if they are free and nobody waits. */
  tryGrow(hold: Hold, bytes: number): boolean {
    if (this.waiting.size > 0 || this.#used + bytes > this.limitBytes) return false;
    this.count(hold, bytes);
    return true;
  }

  /** Serves every waiting hold that can be served now. */
  serve(): void {
    this.#cancelLook?.();
    this.#cancelLook = null;
    while (this.#serveOne());
    if (this.waiting.size > 0) this.#lookLater();
  }

  /** Serves one, or takes from another for it. False if neither can be done. */
  #serveOne(): boolean {
    const order = [...this.waiting].sort((a, b) => compare(this.#totalsOf(a), this.#totalsOf(b)));
    for (const hold of order) {
      const bytes = hold.wantedBytes;
      if (this.#used + bytes <= this.limitBytes) {
        this.count(hold, bytes);
        hold.answer(true);
        return true;
      }
      const victim = this.#victimFor(hold, bytes);
      if (!victim) continue;
      this.#holds.delete(victim);
      this.count(victim, -victim.heldBytes);
      victim.lose();
      return true;
    }
    return false;
  }

  /**
   * The hold that is taken away so that `hold` gets `bytes` more; null if there is none, or not
   * yet.
   */
  #victimFor(hold: Hold, bytes: number): Hold | null {
    let victim: Hold | null = null;
    let most = this.#weightOf(hold, bytes);
    for (const other of this.#holds) {
      const isOpen = !other.isKept && other.heldBytes > 0 && other !== hold;
      if (!isOpen || other.openMs < this.#graceMs) continue;
      const shared = other.groups.map((group) => hold.groups.includes(group));
      const weight = this.#weightOf(other, 0).map((total, at) => total + (shared[at] ? bytes : 0));
      if (compare(weight, most) <= 0) continue;
      victim = other;
      most = weight;
    }
    return victim;
  }

  /**
   * The order in which holds are taken away: by the bytes of their groups, then memory over time,
   * then age.
   */
  #weightOf(hold: Hold, more: number): readonly number[] {
    return [
      ...this.#totalsOf(hold).map((total) => total + more),
      hold.heldBytes * hold.sendingMs,
      hold.number,
    ];
  }

  #totalsOf({ groups }: Hold): readonly number[] {
    return groups.map((group) => this.totalOf(group));
  }

  /** A hold that is too young to be taken away now becomes old enough soon. */
  #lookLater(): void {
    let ms = Infinity;
    for (const { isKept, openMs } of this.#holds)
      if (!isKept && openMs < this.#graceMs) ms = Math.min(ms, this.#graceMs - openMs);
    if (ms < Infinity) this.#cancelLook = this.timers.after(ms, () => this.serve());
  }
}

class Hold implements BudgetHold {
  readonly groups: readonly string[];
  /** The later it came, the larger. */
  readonly number: number;
  heldBytes = 0;
  isKept = false;
  #waiter: Waiter | null = null;
  readonly #budget: Budget;
  readonly #openedMs: number;
  readonly #revoked = new AbortController();
  #isReleased = false;

  constructor(budget: Budget, groups: readonly string[], number: number) {
    this.#budget = budget;
    this.groups = groups;
    this.number = number;
    this.#openedMs = budget.timers.now();
  }

  get revoked(): AbortSignal {
    return this.#revoked.signal;
  }

  get wantedBytes(): number {
    return this.#waiter?.bytes ?? 0;
  }

  /** How long it has been open. */
  get openMs(): number {
    return this.#budget.timers.now() - this.#openedMs;
  }

  /** How long of that its sender has taken: waiting for room is not the sender's time. */
  get sendingMs(): number {
    return (this.#waiter?.sinceMs ?? this.#budget.timers.now()) - this.#openedMs;
  }

  async grow(bytes: number): Promise<boolean> {
    const budget = this.#budget;
    if (this.#waiter) throw new TypeError("a hold grows once at a time");
    const canBe = this.heldBytes + bytes <= budget.limitBytes;
    if (this.#isReleased || !canBe) return false;
    if (budget.tryGrow(this, bytes)) return true;
    return new Promise((resolve) => {
      const cancel = budget.timers.after(budget.maxWaitMs, () => this.answer(false));
      const settle = (isGranted: boolean): void => {
        cancel();
        resolve(isGranted);
      };
      this.#waiter = { bytes, sinceMs: budget.timers.now(), settle };
      budget.waiting.add(this);
      budget.serve();
    });
  }

  keep(): void {
    this.isKept = true;
  }

  release(): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    this.answer(false);
    this.#budget.drop(this);
  }

  /** Called by the budget, which has taken all bytes back. */
  lose(): void {
    this.#isReleased = true;
    this.answer(false);
    this.#revoked.abort();
  }

  /** Called when a waiting hold has room now, or has waited in vain. */
  answer(isGranted: boolean): void {
    const waiter = this.#waiter;
    this.#waiter = null;
    this.#budget.waiting.delete(this);
    waiter?.settle(isGranted);
  }
}

/** Which of two lists of numbers is less: by the first that differs. */
function compare(a: readonly number[], b: readonly number[]): number {
  for (const [at, value] of a.entries()) if (value !== b[at]) return value - (b[at] ?? 0);
  return 0;
}
