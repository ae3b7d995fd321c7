/**
 * A lock for each id: many share it at once, or one has it exclusively. It keeps nothing for an id that
 * is idle.
 */
export interface KeyedRwLock {
  /** Runs `operation`, with others that share the lock; calls that wait go on in their order. */
  shared<T>(id: string, operation: () => Promise<T>): Promise<T>;
  /**
   * Keeps later calls out, waits for the operations inside, and runs `operation` alone. One after
   * the other.
   */
  exclusive<T>(id: string, operation: () => Promise<T>): Promise<T>;
}

interface Lock {
  inside: number;
  waiting: number;
  isExclusive: boolean;
  /** The end of the last exclusive operation. */
  opened: Promise<void>;
  onEmpty: (() => void) | null;
}

export function createKeyedRwLock(): KeyedRwLock {
  const locks = new Map<string, Lock>();

  function lockOf(id: string): Lock {
    let lock = locks.get(id);
    if (!lock) {
      lock = {
        inside: 0,
        waiting: 0,
        isExclusive: false,
        opened: Promise.resolve(),
        onEmpty: null,
      };
      locks.set(id, lock);
    }
    return lock;
  }

  function forgetIdle(id: string, lock: Lock): void {
    if (lock.inside + lock.waiting === 0 && !lock.isExclusive) locks.delete(id);
  }

  return {
    async shared(id, operation) {
      const lock = lockOf(id);
      // also while it opens: calls that waited go first
      while (lock.isExclusive || lock.waiting > 0) {
        lock.waiting++;
        await lock.opened;
        lock.waiting--;
        if (!lock.isExclusive) break;
      }
      lock.inside++;
      try {
        return await operation();
      } finally {
        lock.inside--;
        if (lock.inside === 0) lock.onEmpty?.();
        forgetIdle(id, lock);
      }
    },

    exclusive(id, operation) {
      const lock = lockOf(id);
      const alone = lock.opened.then(async () => {
        if (lock.inside > 0) await new Promise<void>((resolve) => (lock.onEmpty = resolve));
        lock.onEmpty = null;
        return operation();
      });
      const open = (): void => {
        if (lock.opened !== opened) return;
        lock.isExclusive = false;
        forgetIdle(id, lock);
      };
      const opened: Promise<void> = alone.then(open, open);
      lock.opened = opened;
      lock.isExclusive = true;
      return alone;
    },
  };
}
