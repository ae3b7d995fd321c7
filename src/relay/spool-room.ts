/** Whoever holds bytes of a spool, seen by who needs some. */
export interface RoomTenant {
  /**
   * Gives up bytes that nobody needs any more, and releases them. Resolves with how many those were, 0
   * if there are none; never rejects. `urgency` says what may go: `acknowledged` what a client said that it has stored, `delivered` a
   * whole run that a client has had to its end, `passed` what a connected client has had, but for
   * the last `keptBytes` of that.
   */
  release(urgency: Urgency, keptBytes: number): Promise<number>;
}

export type Urgency = "acknowledged" | "delivered" | "passed";

const URGENCIES: readonly Urgency[] = ["acknowledged", "delivered", "passed"];

interface Waiter {
  readonly bytes: number;
  readonly admit: () => void;
}

/**
 * The bytes that all logs of a spool share. Who finds no room waits, in the order of arrival, until
 * others have given some up.
 *
 * A client that reads acknowledges nothing by that, so what it was sent is kept as long as there is
 * room. Where there is none, the part that lies far before it goes: it has left the buffers between
 * here and the client, since half of the room, shared by all tenants, has been sent after it.
 */
export class SpoolRoom {
  readonly #limitBytes: number;
  readonly #tenants = new Set<RoomTenant>();
  readonly #waiting: Waiter[] = [];
  #usedBytes = 0;
  #isMakingRoom = false;
  #isAskedAgain = false;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** Whether somebody waits for room. */
  get isFull(): boolean {
    return this.#waiting.length > 0;
  }

  /** Tenants are asked to evict in the order in which they have entered. */
  enter(tenant: RoomTenant, heldBytes: number): void {
    this.#tenants.add(tenant);
    this.#usedBytes += heldBytes;
  }

  leave(tenant: RoomTenant, heldBytes: number): void {
    this.#tenants.delete(tenant);
    this.release(heldBytes);
  }

  /** Takes `bytes` as soon as there is room. Rejects with the signal's reason, having taken nothing. */
  async take(bytes: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#waiting.length === 0 && this.#fits(bytes)) {
      this.#usedBytes += bytes;
      return;
    }
    await new Promise<void>((resolve, reject) => {
      const leave = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(waiter), 1);
        reject(signal.reason);
        this.poke();
      };
      const admit = (): void => {
        signal.removeEventListener("abort", leave);
        resolve();
      };
      const waiter: Waiter = { bytes, admit };
      signal.addEventListener("abort", leave, { once: true });
      this.#waiting.push(waiter);
      this.poke();
    });
  }

  /** Takes `bytes` whether there is room or not. */
  force(bytes: number): void {
    this.#usedBytes += bytes;
  }

  release(bytes: number): void {
    this.#usedBytes -= bytes;
    this.poke();
  }

  /** Looks for room if somebody waits for it: a tenant may have something to evict now. */
  poke(): void {
    if (this.#waiting.length === 0) return;
    this.#isAskedAgain = true;
    if (this.#isMakingRoom) return;
    void this.#makeRoom();
  }

  #fits(bytes: number): boolean {
    // a single piece that is larger than everything has its turn when nothing else is there
    return this.#usedBytes + bytes <= this.#limitBytes || this.#usedBytes === 0;
  }

  /** Never rejects: tenants do not. */
  async #makeRoom(): Promise<void> {
    this.#isMakingRoom = true;
    while (this.#isAskedAgain) {
      this.#isAskedAgain = false;
      this.#admit();
      for (const urgency of URGENCIES) await this.#askAll(urgency);
    }
    this.#isMakingRoom = false;
  }

  async #askAll(urgency: Urgency): Promise<void> {
    for (const tenant of this.#tenants) {
      if (this.#waiting.length === 0) return;
      const keptBytes = this.#limitBytes / 2 / this.#tenants.size;
      const freed = await tenant.release(urgency, keptBytes);
      if (freed > 0) this.#admit();
    }
  }

  #admit(): void {
    for (;;) {
      const [first] = this.#waiting;
      if (!first || !this.#fits(first.bytes)) return;
      this.#waiting.shift();
      this.#usedBytes += first.bytes;
      first.admit();
    }
  }
}
