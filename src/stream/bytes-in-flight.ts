export interface BytesInFlightOptions {
  /** What all pieces that are on their way should not exceed. */
  readonly limitBytes: number;
  /** A piece is never smaller: with very many holders the limit is exceeded by that. */
  readonly minBytes: number;
  /** A piece is never larger. */
  readonly maxBytes: number;
}

/**
 * Bytes that are on their way to consumers, over all of the process. Unlike a budget it lets nobody
 * wait, so that consumers who have stopped cannot keep out those who go on: the less there is left,
 * the smaller are the pieces in which everybody works.
 */
export interface BytesInFlight {
  /** How large the next piece should be. */
  readonly nextBytes: number;
  /** Counts what one consumer holds now, instead of `before`. */
  change(before: number, now: number): void;
}

/** The next piece takes no more than this part of what is left, so that all never take it at once. */
const PART = 64;

/** Makes a count of which nothing is held yet. */
export function createBytesInFlight(options: BytesInFlightOptions): BytesInFlight {
  const { limitBytes, minBytes, maxBytes } = options;
  let held = 0;
  return {
    get nextBytes() {
      const part = Math.floor((limitBytes - held) / PART);
      return Math.min(maxBytes, Math.max(minBytes, part));
    },
    change(before, now) {
      held += now - before;
    },
  };
}
