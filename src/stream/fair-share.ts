export interface FairShareOptions {
  /** What all holders together should not exceed. */
  readonly totalBytes: number;
  /** A share is never smaller: with very many holders the total is exceeded by that. */
  readonly minBytes: number;
  /** A share is never larger. */
  readonly maxBytes: number;
}

/**
 * Bytes that are split evenly among whoever holds a share at the moment. Unlike a budget it lets
 * nobody wait, so that those who have stopped cannot keep out those who go on: the more there are, the
 * smaller are the pieces in which each of them works.
 */
export interface FairShare {
  /** Bytes that each holder may use now. */
  readonly bytes: number;
  /** Takes a share; returns what gives it back, which is idempotent. */
  take(): () => void;
}

/** Makes a share that nobody holds yet. */
export function createFairShare({ totalBytes, minBytes, maxBytes }: FairShareOptions): FairShare {
  let holders = 0;
  return {
    get bytes() {
      const even = Math.floor(totalBytes / Math.max(1, holders));
      return Math.min(maxBytes, Math.max(minBytes, even));
    },
    take() {
      holders++;
      let given = false;
      return () => {
        if (given) return;
        given = true;
        holders--;
      };
    },
  };
}
