import type { Clock } from "../../ports/clock.ts";
import type { LogStore, SessionKey } from "../../ports/log-store.ts";
import { type ArrivalEntry, ENTRY_BYTES, ENTRY_MS, encodeArrival } from "./arrival-entries.ts";
import { lastArrival } from "./arrival-lookup.ts";

export interface ArrivalTimesOptions {
  readonly key: SessionKey;
  readonly store: LogStore;
  readonly clock: Pick<Clock, "now">;
}

/** Where the log `times` ends, counting appends in flight, and up to which offset of the raw log it goes. */
interface TimesEnd {
  readonly logId: string;
  readonly end: number;
  readonly offset: number;
}

/**
 * Records when what this process appends to a session's raw log arrived, at most four times a second, each entry with the
 * append's own batch and after it: nothing waits for an entry, and an entry that cannot be stored is left out.
 */
export class ArrivalTimes {
  readonly #options: ArrivalTimesOptions;
  #last: (ArrivalEntry & { readonly logId: string }) | null = null;
  #end: TimesEnd | null = null;
  #looking: Promise<void> | null = null;
  /** Entries that are not stored yet, the oldest first. */
  #waiting: readonly ArrivalEntry[] = [];

  constructor(options: ArrivalTimesOptions) {
    this.#options = options;
  }

  /** The time now, epoch ms. */
  now(): number {
    return this.#options.clock.now();
  }

  /** Entries of a log that are about to be stored, the oldest first: who looks a time up knows them already. */
  waitingIn(logId: string): readonly ArrivalEntry[] {
    return this.#last?.logId === logId ? this.#waiting : [];
  }

  /** Records that an append which was stored at `offset` had arrived at `ms`. */
  record(logId: string, entry: ArrivalEntry): void {
    const since = this.#last?.logId === logId ? entry.ms - this.#last.ms : -1;
    // a clock that was set back makes another entry
    if (since >= 0 && since < ENTRY_MS) return;
    if (this.#last?.logId !== logId) this.#waiting = [];
    this.#last = { logId, ...entry };
    this.#waiting = [...this.#waiting, entry];
    void this.#store(logId, entry).finally(() => {
      this.#waiting = this.#waiting.filter((other) => other !== entry);
    });
  }

  /** Never rejects. */
  async #store(logId: string, entry: ArrivalEntry): Promise<void> {
    const { key, store } = this.#options;
    try {
      if (this.#end?.logId !== logId || this.#looking) {
        this.#looking ??= this.#look(logId).finally(() => {
          this.#looking = null;
        });
        await this.#looking;
      }
      const known = this.#end;
      // a loss of power may have taken more of the raw log than of its times
      if (known?.logId !== logId || entry.offset < known.offset) return;
      const { end: expectedEnd } = known;
      this.#end = { logId, end: expectedEnd + ENTRY_BYTES, offset: entry.offset };
      await store.append(key, encodeArrival(entry), { logId, log: "times", expectedEnd });
    } catch {
      this.#end = null;
    }
  }

  async #look(logId: string): Promise<void> {
    const { key, store } = this.#options;
    const stat = await store.stat(key);
    if (stat?.logId !== logId) return;
    const end = stat.end.times;
    const last = end === 0 ? null : await lastArrival(store, key, { logId, end });
    this.#end = { logId, end, offset: last?.offset ?? 0 };
  }
}
