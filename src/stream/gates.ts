/**
 * A gate for each id: many pass at once, or one has it to itself. Nothing is held for an id that
 * nobody uses.
 */
export interface Gates {
  /** Runs `operation`, at once while the gate is open; who waits passes in the order of the calls. */
  pass<T>(id: string, operation: () => Promise<T>): Promise<T>;
  /** Shuts the gate, waits for those inside, and runs `operation` alone. One after the other. */
  shut<T>(id: string, operation: () => Promise<T>): Promise<T>;
}

interface Gate {
  inside: number;
  waiting: number;
  /** Who wants the gate shut, or has it; the last one's end. */
  shut: Promise<void> | null;
  onEmpty: (() => void) | null;
}

export function createGates(): Gates {
  const gates = new Map<string, Gate>();

  function gateOf(id: string): Gate {
    let gate = gates.get(id);
    if (!gate) gates.set(id, (gate = { inside: 0, waiting: 0, shut: null, onEmpty: null }));
    return gate;
  }

  function forgetIdle(id: string, gate: Gate): void {
    if (gate.inside + gate.waiting === 0 && gate.shut === null) gates.delete(id);
  }

  return {
    async pass(id, operation) {
      const gate = gateOf(id);
      while (gate.shut) {
        gate.waiting++;
        await gate.shut;
        gate.waiting--;
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
      const alone = (gate.shut ?? Promise.resolve()).then(async () => {
        if (gate.inside > 0) await new Promise<void>((resolve) => (gate.onEmpty = resolve));
        gate.onEmpty = null;
        return operation();
      });
      const over: Promise<void> = alone.then(
        () => open(),
        () => open(),
      );
      gate.shut = over;
      const open = (): void => {
        if (gate.shut === over) gate.shut = null;
        forgetIdle(id, gate);
      };
      return alone;
    },
  };
}
