/** Counts times by their milliseconds. */
export interface Histogram {
  add(ms: number): void;
  readonly count: number;
  /** The time that this share of all does not exceed, in ms; 0 if there is none. */
  percentile(share: number): number;
}

const LONGEST_MS = 120_000;

/** An empty histogram; times above two minutes count as two minutes. */
export function createHistogram(): Histogram {
  const counts = new Uint32Array(LONGEST_MS + 1);
  let count = 0;
  return {
    add(ms) {
      const slot = Math.min(LONGEST_MS, Math.max(0, Math.round(ms)));
      counts[slot] = (counts[slot] ?? 0) + 1;
      count += 1;
    },
    get count() {
      return count;
    },
    percentile(share) {
      if (count === 0) return 0;
      let below = 0;
      return counts.findIndex((times) => (below += times) >= Math.max(1, share * count));
    },
  };
}
