import { BoundedMap } from "../../stream/sync/bounded-map.ts";

/** Most sessions that are remembered; those that were used longest ago are looked up again. */
const MAX_KNOWN = 10_000;

/** Sessions whose bytes are known to be in the store, so that an append need not look. */
export interface KnownHere {
  /** Whether the log is known to be here, and no lookup of it is under way. */
  has(id: string, logId: string): boolean;
  add(id: string, logId: string): void;
  forget(id: string): void;
  /** Waits for the lookup `found`, and goes on with `next` before any later caller. */
  arrive<T>(id: string, found: Promise<unknown>, next: () => Promise<T>): Promise<T>;
}

export function createKnownHere(): KnownHere {
  const known = new BoundedMap<string, string>(MAX_KNOWN);
  const arriving = new Map<string, number>();
  return {
    has: (id, logId) => known.get(id) === logId && !arriving.has(id),
    add: (id, logId) => known.set(id, logId),
    forget: (id) => void known.delete(id),
    arrive(id, found, next) {
      arriving.set(id, (arriving.get(id) ?? 0) + 1);
      const arrived = (): void => {
        const left = (arriving.get(id) ?? 1) - 1;
        if (left === 0) arriving.delete(id);
        else arriving.set(id, left);
      };
      return found.then(
        () => {
          const passed = next();
          arrived();
          return passed;
        },
        (error: unknown) => {
          arrived();
          throw error;
        },
      );
    },
  };
}
