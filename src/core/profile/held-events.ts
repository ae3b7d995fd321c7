import type { LogName } from "../../ports/log-store.ts";

/** A range of one of the session's logs. */
export interface LineRange {
  readonly log: LogName;
  readonly start: number;
  readonly end: number;
}

interface Held {
  readonly range: LineRange;
  /** The run that the lines wait for; null for whichever comes next. */
  readonly runId: string | null;
  readonly isSnapshot: boolean;
}

/** Most ranges. Lines that follow each other are one, so that this is far more than a log needs. */
const MAX_RANGES = 1_024;

/** Events that wait for a run to begin, as places in the log. */
export class HeldEvents {
  #held: Held[] = [];
  #leftOut = 0;

  get isEmpty(): boolean {
    return this.#held.length === 0;
  }

  /**
   * Holds a line until `runId`, or any run, begins. A line beyond the bound is counted and left
   * out.
   */
  hold({ log, start, end }: LineRange, runId: string | null, isSnapshot: boolean): void {
    const last = this.#held.at(-1);
    const isNext = last?.runId === runId && last.isSnapshot === isSnapshot;
    if (last && isNext && last.range.log === log && last.range.end === start) {
      this.#held[this.#held.length - 1] = { ...last, range: { ...last.range, end } };
    } else if (this.#held.length < MAX_RANGES) {
      this.#held.push({ range: { log, start, end }, runId, isSnapshot });
    } else {
      this.#leftOut++;
    }
  }

  /**
   * Removes and returns the snapshots, or the other events, that wait for this run; null means all.
   */
  take(runId: string | null, isSnapshot: boolean): LineRange[] {
    const isTaken = (held: Held): boolean =>
      held.isSnapshot === isSnapshot &&
      (runId === null || held.runId === null || held.runId === runId);
    const taken = this.#held.filter(isTaken);
    this.#held = this.#held.filter((held) => !isTaken(held));
    return taken.map(({ range }) => range);
  }

  /** Lets everything wait for the next run, since no other run begins after it. */
  giveToNext(): void {
    this.#held = this.#held.map((held) => ({ ...held, runId: null }));
  }

  /** How many lines were left out since the last call. */
  takeLeftOut(): number {
    const leftOut = this.#leftOut;
    this.#leftOut = 0;
    return leftOut;
  }
}
