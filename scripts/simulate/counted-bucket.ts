import { createMemoryObjectBucket } from "../../adapters/memory/index.ts";
import type { ObjectBucket } from "../../src/ports/object-bucket.ts";
import type { SimulatedMachine } from "./virtual-time.ts";

/** How S3 charges a call. */
export type CallKind = "PUT" | "LIST" | "GET" | "DELETE";

/** Calls by their kind and the folder that they are about, as `PUT logs`. */
export type CallCounts = ReadonlyMap<string, number>;

/** Objects in memory that machines reach over a network that takes its time, every call of which is counted. */
export interface CountedObjects {
  /** The objects as this machine reaches them. */
  reachedBy(machine: SimulatedMachine): ObjectBucket;
  /** The calls since the last time that this was asked for. */
  takeCounts(): CallCounts;
  /** Puts empty objects there without a call. */
  seed(keys: readonly string[]): Promise<void>;
}

/** Usual times of S3 Standard within one region, in ms. */
const LATENCY_MS = { read: 20, write: 30 } as const;
const MAX_PAGE = 1_000;

export function createCountedObjects(): CountedObjects {
  const objects = createMemoryObjectBucket();
  const sizes = new Map<string, number>();
  const names = new SortedKeys();
  let counts = new Map<string, number>();

  function note(key: string, size: number): void {
    if (!sizes.has(key)) names.add(key);
    sizes.set(key, size);
  }

  function list({
    prefix,
    startAfter = "",
    limit = MAX_PAGE,
  }: Parameters<ObjectBucket["list"]>[0]) {
    const keys = names.page(prefix, startAfter, limit + 1);
    const found = keys.slice(0, limit).map((key) => ({ key, size: sizes.get(key) ?? 0 }));
    return { objects: found, more: keys.length > limit };
  }

  return {
    takeCounts() {
      const taken = counts;
      counts = new Map();
      return taken;
    },

    async seed(keys) {
      for (const key of keys) {
        await objects.put(key, new Uint8Array(0));
        note(key, 0);
      }
    },

    reachedBy(machine) {
      async function call<T>(kind: CallKind, key: string, act: () => T | Promise<T>): Promise<T> {
        const what = `${kind} ${key.split("/")[0]}`;
        counts.set(what, (counts.get(what) ?? 0) + 1);
        const isRead = kind === "GET" || kind === "LIST";
        await new Promise<void>((resolve) => {
          machine.clock.after(isRead ? LATENCY_MS.read : LATENCY_MS.write, resolve);
        });
        return act();
      }
      return {
        get: (key, given) => call("GET", key, () => objects.get(key, given)),
        head: (key, given) => call("GET", key, () => objects.head(key, given)),
        put: (key, bytes, given) =>
          call("PUT", key, async () => {
            await objects.put(key, bytes, given);
            note(key, bytes.length);
          }),
        putIfAbsent: (key, bytes, given) =>
          call("PUT", key, async () => {
            const isPut = await objects.putIfAbsent(key, bytes, given);
            if (isPut) note(key, bytes.length);
            return isPut;
          }),
        list: (given) => call("LIST", given.prefix, () => list(given)),
        delete: (keys, given) =>
          call("DELETE", keys[0] ?? "", async () => {
            await objects.delete(keys, given);
            for (const key of keys) if (sizes.delete(key)) names.remove(key);
          }),
        multipart: () => Promise.reject(new Error("Nothing here is so large")),
        abortUploads: async () => {},
      };
    },
  };
}

/** Keys in their order. */
class SortedKeys {
  readonly #keys: string[] = [];

  add(key: string): void {
    this.#keys.splice(this.#placeOf(key), 0, key);
  }

  remove(key: string): void {
    this.#keys.splice(this.#placeOf(key), 1);
  }

  /** At most so many that begin with `prefix` and come after `startAfter`. */
  page(prefix: string, startAfter: string, limit: number): string[] {
    const found: string[] = [];
    let at = this.#placeOf(startAfter > prefix ? startAfter : prefix);
    if (this.#keys[at] === startAfter) at++;
    for (; at < this.#keys.length && found.length < limit; at++) {
      const key = this.#keys[at]!;
      if (!key.startsWith(prefix)) break;
      found.push(key);
    }
    return found;
  }

  /** Where the key is, or belongs. */
  #placeOf(key: string): number {
    let low = 0;
    let high = this.#keys.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#keys[middle]! < key) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
