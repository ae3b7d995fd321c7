import { type BackOffOptions, backOffMs } from "../../stream/sync/back-off.ts";
import type { EntryName } from "./outbox.ts";

/** An entry of the outbox that this process knows of. */
export interface WaitingNotice {
  readonly name: EntryName;
  /** Whether it was delivered, so that it has only to be removed. */
  isDelivered: boolean;
}

interface Waiting extends WaitingNotice {
  /** When it is tried next, epoch ms. */
  dueMs: number;
  /** How often it was tried in vain since this process knows of it. */
  failures: number;
  state: "later" | "ready" | "taken";
}

/** What waits for one address, in the order in which it is tried. */
interface Line {
  readonly ready: Set<Waiting>;
  taken: number;
}

/** Most entries that an outbox takes; also those of which memory is held. */
const MOST = 10_000;
/** Most that are taken at once, in all and for one address. */
const MOST_TAKEN = 16;
const MOST_TAKEN_EACH = 4;
const BACK_OFF: BackOffOptions = { firstMs: 5_000, maxMs: 3_600_000, jitter: 0.25 };

/** The names of what the outbox holds, and when each is due: some 300 bytes each. */
export class WaitingNotices {
  readonly #notices = new Map<string, Waiting>();
  readonly #lines = new Map<string, Line>();
  #taken = 0;

  get size(): number {
    return this.#notices.size;
  }

  get isFull(): boolean {
    return this.#notices.size >= MOST;
  }

  /** Adds an entry that is due now; nothing where it is known, or there is no room. */
  add(name: EntryName): void {
    const key = keyOf(name);
    if (this.isFull || this.#notices.has(key)) return;
    const state = "ready" as const;
    const notice: Waiting = { name, dueMs: 0, failures: 0, isDelivered: false, state };
    this.#notices.set(key, notice);
    this.#lineOf(notice).ready.add(notice);
  }

  /** It is not in the outbox any more. */
  forget({ name }: WaitingNotice): void {
    const notice = this.#notices.get(keyOf(name));
    if (!notice) return;
    this.#notices.delete(keyOf(name));
    this.#lineOf(notice).ready.delete(notice);
  }

  /** Forgets those that are not in `listed`, of those that were known when the listing began. */
  keepOnly(listed: readonly EntryName[], before: readonly EntryName[]): void {
    const there = new Set(listed.map(keyOf));
    for (const name of before) {
      const notice = there.has(keyOf(name)) ? null : this.#notices.get(keyOf(name));
      if (notice && notice.state !== "taken") this.forget(notice);
    }
  }

  names(): readonly EntryName[] {
    return [...this.#notices.values()].map(({ name }) => name);
  }

  /** Makes ready what has fallen due. To be called every second or so. */
  wake(nowMs: number): void {
    for (const notice of this.#notices.values())
      if (notice.state === "later" && notice.dueMs <= nowMs) {
        notice.state = "ready";
        this.#lineOf(notice).ready.add(notice);
      }
  }

  /** Takes what may be tried now, besides what is taken already; each is to be put back by `release`. */
  take(): readonly WaitingNotice[] {
    const taken: Waiting[] = [];
    for (const line of this.#lines.values())
      for (const notice of line.ready) {
        if (this.#taken >= MOST_TAKEN || line.taken >= MOST_TAKEN_EACH) break;
        line.ready.delete(notice);
        line.taken++;
        this.#taken++;
        notice.state = "taken";
        taken.push(notice);
      }
    return taken;
  }

  /** Puts back what was taken. Unless it was forgotten it is due again later, after `atLeastMs` at the earliest. */
  release({ name }: WaitingNotice, nowMs: number, atLeastMs = 0): void {
    const line = this.#lines.get(name.address);
    if (line) line.taken--;
    this.#taken--;
    const notice = this.#notices.get(keyOf(name));
    if (!notice) return;
    notice.state = "later";
    notice.dueMs = nowMs + Math.max(backOffMs(BACK_OFF, notice.failures++), atLeastMs);
  }

  #lineOf({ name }: WaitingNotice): Line {
    const known = this.#lines.get(name.address);
    if (known) return known;
    const line: Line = { ready: new Set(), taken: 0 };
    this.#lines.set(name.address, line);
    return line;
  }
}

function keyOf({ address, id }: EntryName): string {
  return `${id}.${address}`;
}
