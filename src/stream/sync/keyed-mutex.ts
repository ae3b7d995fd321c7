/** Lets operations of one id happen one after the other; those of others do not wait. */
export interface KeyedMutex {
  /** Runs `operation` when those before it have settled; settles as it does. */
  run<T>(id: string, operation: () => Promise<T>): Promise<T>;
  /** Resolves when nothing is under way, of `id` or at all. */
  idle(id?: string): Promise<void>;
  /** Whether something of `id` is under way or waits for its turn. */
  isBusy(id: string): boolean;
}

/** A mutex that nobody holds; it keeps nothing for an id that is idle. */
export function createKeyedMutex(): KeyedMutex {
  const last = new Map<string, Promise<void>>();
  return {
    run(id, operation) {
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
    async idle(id) {
      if (id === undefined) await Promise.all(last.values());
      else while (last.has(id)) await last.get(id);
    },
    isBusy: (id) => last.has(id),
  };
}
