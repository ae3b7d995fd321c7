import { RunlogError } from "../../src/ports/errors.ts";
import type { LogStore } from "../../src/ports/log-store.ts";

/** A call that fails. */
export interface Fault {
  /** Which call of the store, counted from 1. */
  readonly at: number;
  /** Whether it takes effect all the same. */
  readonly lands: boolean;
  /** Whether those after it fail as well, without effect. */
  readonly isLasting: boolean;
}

export interface FaultyStore {
  readonly store: LogStore;
  /** Counts calls from now on, and has one of them fail. */
  arm(fault: Fault): void;
  /** Nothing fails any more; returns how many calls were counted. */
  disarm(): number;
}

const COUNTED = [
  "create",
  "stat",
  "append",
  "dropNote",
  "setHead",
  "setDocument",
  "markOpen",
  "clearOpen",
  "putRunBody",
  "runBody",
  "removeRunBody",
] as const;

/** Passes everything on to `store`, but for the calls that are to fail. It is never closed. */
export function withFaults(store: LogStore): FaultyStore {
  let fault: Fault | null = null;
  let calls = 0;

  const failure = (): RunlogError => new RunlogError("store-failed", "this call was to fail");
  const faulty =
    (operation: (...args: never[]) => Promise<unknown>) =>
    async (...args: never[]): Promise<unknown> => {
      if (fault === null) return operation(...args);
      const number = ++calls;
      const { at, lands, isLasting } = fault;
      const fails = isLasting ? number >= at : number === at;
      if (!fails) return operation(...args);
      if (lands && number === at) await operation(...args);
      throw failure();
    };

  const wrapped = Object.fromEntries(
    COUNTED.map((name) => [name, faulty(store[name] as (...args: never[]) => Promise<unknown>)]),
  );
  return {
    store: { ...store, ...wrapped, close: async () => {} },
    arm(next) {
      fault = next;
      calls = 0;
    },
    disarm() {
      fault = null;
      return calls;
    },
  };
}
