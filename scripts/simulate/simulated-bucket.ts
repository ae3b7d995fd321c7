import { RunlogError } from "../../src/ports/errors.ts";
import type { ObjectBucket } from "../../src/ports/object-bucket.ts";
import type { SimulatedMachine } from "./virtual-time.ts";

/** Which faults calls have now. */
export interface Weather {
  /** Share of calls that are refused, do not arrive, or whose answer does not arrive. */
  faults: number;
  /** Share of calls that arrive long after their caller has given them up. */
  late: number;
}

export interface SimulatedBucketOptions {
  /** The objects, which all machines share. */
  readonly bucket: ObjectBucket;
  /** Who calls. */
  readonly machine: SimulatedMachine;
  /** The network between: it lives when the caller is dead, so that what it sent arrives. */
  readonly network: SimulatedMachine;
  readonly random: () => number;
  readonly weather: Weather;
}

const LATENCY_MS = { least: 5, most: 60 };
/** Longer than a try may take. */
const LATE_MS = { least: 8_000, most: 30_000 };

/** What was sent arrives, although its caller has given it up. */
const NEVER = new AbortController().signal;

/** The bucket as one machine reaches it. Every call that arrives takes effect in one step, whoever still waits. */
export function createSimulatedBucket(options: SimulatedBucketOptions): ObjectBucket {
  const { bucket, machine, network, random, weather } = options;

  function between({ least, most }: { readonly least: number; readonly most: number }): number {
    return least + random() * (most - least);
  }

  function travel(by: SimulatedMachine, ms: number): Promise<void> {
    return new Promise((resolve) => {
      by.clock.after(ms, resolve);
    });
  }

  async function call<T>(act: () => Promise<T>): Promise<T> {
    const luck = random();
    const isLate = random() < weather.late;
    const there = between(isLate ? LATE_MS : LATENCY_MS);
    if (luck < weather.faults / 3) {
      await travel(machine, between(LATENCY_MS));
      throw new RunlogError("store-busy", "simulated: busy");
    }
    if (luck < (2 * weather.faults) / 3) return new Promise<never>(() => {});
    await travel(network, there);
    const answer = act();
    // a rejection has its receiver below, if there is one
    answer.catch(() => {});
    if (luck < weather.faults) return new Promise<never>(() => {});
    // a machine that sleeps or is dead takes the answer later, or never
    await travel(machine, between(LATENCY_MS));
    return answer;
  }

  return {
    get: (key, given) => call(() => bucket.get(key, { ...given, signal: NEVER })),
    head: (key) => call(() => bucket.head(key)),
    put: (key, bytes, given) => {
      const body = bytes.slice();
      return call(() => bucket.put(key, body, { ...given, signal: NEVER }));
    },
    putIfAbsent: (key, bytes, given) => {
      const body = bytes.slice();
      return call(() => bucket.putIfAbsent(key, body, { ...given, signal: NEVER }));
    },
    list: (given) => call(() => bucket.list({ ...given, signal: NEVER })),
    delete: (keys) => call(() => bucket.delete(keys)),
    multipart: (key, given) => call(() => bucket.multipart(key, { ...given, signal: NEVER })),
    abortUploads: (prefix) => call(() => bucket.abortUploads(prefix)),
  };
}
