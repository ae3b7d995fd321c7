/**
 * Runs operations of one id one after the other; those of different ids do not wait for each other.
 */
export interface KeyedMutex {
  /** Runs `operation` when those before it have settled; settles as it does. */
  run<T>(id: string, operation: () => Promise<T>): Promise<T>;
  /** Resolves when no operation is under way, of `id` or at all. */
  idle(id?: string): Promise<void>;
  /** Whether an operation of `id` is under way or waits for its turn. */
  isBusy(id: string): boolean;
}

/** A mutex that is free; it keeps nothing for an id that is idle. */
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
