/** Listeners by the name of what they listen to. */
export interface KeyedListeners<T> {
  /**
   * Calls those of `name`, in no particular order, before it returns. One that throws does not keep
   * others from being called, and one that is added meanwhile is not called.
   */
  call(name: string, value: T): void;
  /** Adds a listener, also one that is there already; returns an idempotent function that removes it. */
  add(name: string, listener: (value: T) => void): () => void;
}

/** One listening. An object of its own, so that one function can listen twice. */
interface Listening<T> {
  readonly listener: (value: T) => void;
}

/** Holds nothing for a name without listeners. */
export function createKeyedListeners<T>(): KeyedListeners<T> {
  const all = new Map<string, Set<Listening<T>>>();

  return {
    call(name, value) {
      const listening = all.get(name);
      if (listening === undefined) return;
      // a copy: a listener that is added during this call must not be called for this value
      for (const one of Array.from(listening)) {
        if (!listening.has(one)) continue;
        try {
          one.listener(value);
        } catch {
          // it has failed by itself; the others are still called
        }
      }
    },

    add(name, listener) {
      const one = { listener };
      const listening = all.get(name) ?? new Set();
      listening.add(one);
      all.set(name, listening);
      return () => {
        listening.delete(one);
        if (listening.size === 0 && all.get(name) === listening) all.delete(name);
      };
    },
  };
}
