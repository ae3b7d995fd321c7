import type { Clock } from "../../src/ports/clock.ts";

interface Timer {
  dueMs: number;
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
  const timers = new Set<Timer>();

  function next(untilMs: number): Timer | null {
    let first: Timer | null = null;
    for (const timer of timers) {
      if (timer.of.isDead) timers.delete(timer);
      else if (dueOf(timer) <= untilMs && (!first || dueOf(timer) < dueOf(first))) first = timer;
    }
    return first;
  }

  function set(of: SimulatedMachine, ms: number, everyMs: number | null, fn: () => void) {
    const timer: Timer = { dueMs: nowMs + Math.max(ms, 0), everyMs, of, fn };
    timers.add(timer);
    return () => void timers.delete(timer);
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
        if (timer.everyMs === null) timers.delete(timer);
        else timer.dueMs = nowMs + timer.everyMs;
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

/** Resolves when all promises that can be settled are. */
function settled(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
