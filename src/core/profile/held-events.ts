import type { LogName } from "../../ports/log-store.ts";
import type { ByteRange } from "../model/byte-range.ts";

/** A range of one of the session's logs. */
export interface LineRange extends ByteRange {
  readonly log: LogName;
}

/**
 * What is held: messages for the RUN_STARTED that sends them, events for after it, and inputs
 * (`RUN_INPUT`), which come in both.
 */
type HeldKind = "snapshot" | "input" | "event";

/** A range of lines that was held. */
export interface HeldRange extends LineRange {
  readonly kind: HeldKind;
}

/** A range, and what it waits for. */
export interface Held {
  readonly range: HeldRange;
  /** The run that the lines wait for; null for whichever comes next. */
  readonly runId: string | null;
}

/** Most ranges. Lines that follow each other are one, so that this is far more than a log needs. */
const MAX_RANGES = 1_024;

/** Events that wait for a run to begin, as places in the log. */
export class HeldEvents {
  #held: Held[] = [];
  #leftOut = 0;

  get saved(): readonly Held[] {
    return this.#held;
  }

  /** Holds what was held, but for how many lines were left out, which only a stream says. */
  restore(saved: readonly Held[]): void {
    this.#held = [...saved];
  }

  get isEmpty(): boolean {
    return this.#held.length === 0;
  }

  /**
   * Holds a line until `runId`, or any run, begins. A line beyond the bound is counted and left
   * out.
   */
  hold({ log, start, end }: LineRange, runId: string | null, kind: HeldKind): void {
    const last = this.#held.at(-1);
    const isNext = last?.runId === runId && last.range.kind === kind;
    if (last && isNext && last.range.log === log && last.range.end === start) {
      this.#held[this.#held.length - 1] = { ...last, range: { ...last.range, end } };
    } else if (this.#held.length < MAX_RANGES) {
      this.#held.push({ range: { log, start, end, kind }, runId });
    } else {
      this.#leftOut++;
    }
  }

  /**
   * Removes and returns what waits for this run, in the order of the log; null means all of it.
   */
  take(runId: string | null, kinds: readonly HeldKind[]): HeldRange[] {
    const isTaken = (held: Held): boolean =>
      kinds.includes(held.range.kind) &&
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
