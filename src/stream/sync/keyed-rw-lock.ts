/**
 * A lock for each id: many pass at once, or one has it exclusively. It keeps nothing for an id that
 * is idle.
 */
export interface KeyedRwLock {
  /** Runs `operation`, at once while the lock is open; waiting calls pass in their order. */
  pass<T>(id: string, operation: () => Promise<T>): Promise<T>;
  /**
   * Shuts the lock, waits for the operations inside, and runs `operation` alone. One after the
   * other.
   */
  shut<T>(id: string, operation: () => Promise<T>): Promise<T>;
}

interface Gate {
  inside: number;
  waiting: number;
  isShut: boolean;
  /** The end of the last exclusive operation. */
  opened: Promise<void>;
  onEmpty: (() => void) | null;
}

export function createKeyedRwLock(): KeyedRwLock {
  const gates = new Map<string, Gate>();

  function gateOf(id: string): Gate {
    let gate = gates.get(id);
    if (!gate) {
      gate = { inside: 0, waiting: 0, isShut: false, opened: Promise.resolve(), onEmpty: null };
      gates.set(id, gate);
    }
    return gate;
  }

  function forgetIdle(id: string, gate: Gate): void {
    if (gate.inside + gate.waiting === 0 && !gate.isShut) gates.delete(id);
  }

  return {
    async pass(id, operation) {
      const gate = gateOf(id);
      // also while it opens: calls that waited go first
      while (gate.isShut || gate.waiting > 0) {
        gate.waiting++;
        await gate.opened;
        gate.waiting--;
        if (!gate.isShut) break;
      }
      gate.inside++;
      try {
        return await operation();
      } finally {
        gate.inside--;
        if (gate.inside === 0) gate.onEmpty?.();
        forgetIdle(id, gate);
      }
    },

    shut(id, operation) {
      const gate = gateOf(id);
      const alone = gate.opened.then(async () => {
        if (gate.inside > 0) await new Promise<void>((resolve) => (gate.onEmpty = resolve));
        gate.onEmpty = null;
        return operation();
      });
      const open = (): void => {
        if (gate.opened !== opened) return;
        gate.isShut = false;
        forgetIdle(id, gate);
      };
      const opened: Promise<void> = alone.then(open, open);
      gate.opened = opened;
      gate.isShut = true;
      return alone;
    },
  };
}
