/** A stream of pseudo-random numbers that is the same for a seed on every machine. */
export interface Random {
  /** An integer from 0 to `below` - 1. */
  integer(below: number): number;
  /** One of `items`, which must not be empty. */
  pick<T>(items: readonly T[]): T;
  /** 32 hexadecimal digits in the form of a UUIDv4. */
  uuid(): string;
}

/** The generator `mulberry32`: 32 bits of state, good enough to look at, not to hide secrets. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0;

  function next(): number {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  }

  function hex(digits: number): string {
    let text = "";
    while (text.length < digits) text += next().toString(16).padStart(8, "0");
    return text.slice(0, digits);
  }

  return {
    integer: (below) => next() % below,
    pick(items) {
      const item = items[next() % items.length];
      if (item === undefined) throw new TypeError("nothing to pick from");
      return item;
    },
    uuid: () => `${hex(8)}-${hex(4)}-4${hex(3)}-a${hex(3)}-${hex(12)}`,
  };
}
