import type { Clock } from "../../src/ports/clock.ts";

interface Timer {
  dueMs: number;
  /** Counts the timers: of two that are due at once the one that was set earlier comes first. */
  order: number;
  isSet: boolean;
  readonly everyMs: number | null;
  readonly of: SimulatedMachine;
  readonly fn: () => void;
}

/** A machine in virtual time: its clock may be wrong, it may sleep, and it may die. */
export interface SimulatedMachine {
  readonly clock: Clock;
  /** Until when it sleeps, in virtual ms: its timers fire late. */
  asleepUntilMs: number;
  /** A dead one's timers never fire. */
  isDead: boolean;
}

/** Time that passes only when everything that could happen now has happened. */
export interface VirtualTime {
  readonly nowMs: number;
  /** A machine whose clock is ahead by `skewMs`. */
  machine(skewMs: number): SimulatedMachine;
  /** Lets virtual ms pass, timer by timer, in an order that depends on nothing else. */
  pass(ms: number): Promise<void>;
}

export function createVirtualTime(): VirtualTime {
  let nowMs = 0;
  let order = 0;
  const timers = new TimerHeap();

  /** Takes out the first timer that is due by then, or null. */
  function next(untilMs: number): Timer | null {
    for (let timer = timers.first; timer && timer.dueMs <= untilMs; timer = timers.first) {
      timers.takeFirst();
      if (!timer.isSet || timer.of.isDead) continue;
      if (dueOf(timer) <= timer.dueMs) return timer;
      timer.dueMs = dueOf(timer);
      timers.add(timer);
    }
    return null;
  }

  function set(of: SimulatedMachine, ms: number, everyMs: number | null, fn: () => void) {
    const dueMs = nowMs + Math.max(ms, 0);
    const timer: Timer = { dueMs, order: order++, isSet: true, everyMs, of, fn };
    timers.add(timer);
    return () => void (timer.isSet = false);
  }

  return {
    get nowMs() {
      return nowMs;
    },

    machine(skewMs) {
      const self: SimulatedMachine = {
        asleepUntilMs: 0,
        isDead: false,
        clock: {
          now: () => START_MS + nowMs + skewMs,
          after: (ms, fn) => set(self, ms, null, fn),
          every: (ms, fn) => set(self, ms, ms, fn),
        },
      };
      return self;
    },

    async pass(ms) {
      const untilMs = nowMs + ms;
      await settled();
      for (let timer = next(untilMs); timer !== null; timer = next(untilMs)) {
        nowMs = Math.max(nowMs, dueOf(timer));
        if (timer.everyMs !== null) {
          Object.assign(timer, { dueMs: nowMs + timer.everyMs, order: order++ });
          timers.add(timer);
        }
        timer.fn();
        await settled();
      }
      nowMs = untilMs;
    },
  };
}

const START_MS = 1_800_000_000_000;

function dueOf({ dueMs, of }: Timer): number {
  return Math.max(dueMs, of.asleepUntilMs);
}

/** Timers, of which the first is at hand (a binary heap). */
class TimerHeap {
  readonly #timers: Timer[] = [];

  get first(): Timer | undefined {
    return this.#timers[0];
  }

  add(timer: Timer): void {
    const timers = this.#timers;
    let at = timers.push(timer) - 1;
    while (at > 0) {
      const above = (at - 1) >> 1;
      if (!isBefore(timer, timers[above]!)) break;
      timers[at] = timers[above]!;
      at = above;
    }
    timers[at] = timer;
  }

  takeFirst(): void {
    const timers = this.#timers;
    const last = timers.pop();
    if (last === undefined || timers.length === 0) return;
    let at = 0;
    for (;;) {
      let below = 2 * at + 1;
      if (below >= timers.length) break;
      if (below + 1 < timers.length && isBefore(timers[below + 1]!, timers[below]!)) below++;
      if (!isBefore(timers[below]!, last)) break;
      timers[at] = timers[below]!;
      at = below;
    }
    timers[at] = last;
  }
}

function isBefore(one: Timer, other: Timer): boolean {
  return one.dueMs < other.dueMs || (one.dueMs === other.dueMs && one.order < other.order);
}

/** Resolves when all promises that can be settled are. */
function settled(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
