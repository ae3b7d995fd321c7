import type { LogPosition } from "./raw-log.ts";

/**
 * The last part of a log that this process has appended with nobody else in between. What another process stores late
 * ends it: then this process does not know what is in the log.
 */
export class OwnAppends {
  #logId: string | null = null;
  #start = 0;
  #end = 0;

  /** The store was asked where the next append begins. */
  noteEnd({ logId, end }: LogPosition): void {
    if (logId === this.#logId && end === this.#end) return;
    this.#logId = logId;
    this.#start = end;
    this.#end = end;
  }

  /** An append of this process was stored, and ends there. */
  noteAppend({ logId, end }: LogPosition): void {
    if (logId === this.#logId && end > this.#end) this.#end = end;
  }

  /** Whether this process has appended all that is between `start` and the place of its next append. */
  isAllFrom(start: number, next: LogPosition): boolean {
    return next.end <= start || (next.logId === this.#logId && this.#start <= start);
  }
}
