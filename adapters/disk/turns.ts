import type { SessionKey } from "../../src/ports/log-store.ts";

/** Lets operations of one session happen one after the other; those of others do not wait. */
export interface Turns {
  run<T>(key: SessionKey, operation: () => Promise<T>): Promise<T>;
  /** Resolves when nothing is under way. */
  idle(): Promise<void>;
}

export function createTurns(): Turns {
  const last = new Map<string, Promise<void>>();
  return {
    run({ project, session }, operation) {
      const id = `${project}/${session}`;
      const turn = (last.get(id) ?? Promise.resolve()).then(operation);
      const settled: Promise<void> = turn
        .then(
          () => {},
          () => {},
        )
        .then(() => {
          if (last.get(id) === settled) last.delete(id);
        });
      last.set(id, settled);
      return turn;
    },
    async idle() {
      await Promise.all(last.values());
    },
  };
}
