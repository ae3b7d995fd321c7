import type { LogName } from "../../ports/log-store.ts";

/** Where lines lie: a range of one of the session's logs. */
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

/** Lines that follow each other are one range, so that this is far more than a log needs. */
const MAX_RANGES = 1_024;

/** Events that wait for a run to begin: not they themselves, but where they are in the log. */
export class HeldEvents {
  #held: Held[] = [];
  #leftOut = 0;

  get isEmpty(): boolean {
    return this.#held.length === 0;
  }

  /** Holds a line until `runId`, or any run, begins. Beyond the bound it is counted and left out. */
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

  /** Takes out the snapshots, or the rest, of what waits for this run; null takes all. */
  take(runId: string | null, isSnapshot: boolean): LineRange[] {
    const isTaken = (held: Held): boolean =>
      held.isSnapshot === isSnapshot &&
      (runId === null || held.runId === null || held.runId === runId);
    const taken = this.#held.filter(isTaken);
    this.#held = this.#held.filter((held) => !isTaken(held));
    return taken.map(({ range }) => range);
  }

  /** No further run begins but one: what waits for others waits for that. */
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
