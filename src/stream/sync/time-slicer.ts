/** Shares the event loop's turns between bulky work and all other tasks. */
export interface TimeSlicer {
  /**
   * Calls `work` at once while this turn has time left for it, else in one of the next turns, in
   * the order of the calls. Settles as the work does.
   */
  run<T>(work: () => Promise<T>): Promise<T>;
}

export interface TimeSlicerOptions {
  /** How long in ms work is begun in each turn. */
  readonly turnMs: number;
  /** Milliseconds, for tests. Default: the machine's. */
  readonly now?: () => number;
}

/** A slicer whose turn has not been used yet. */
export function createTimeSlicer(options: TimeSlicerOptions): TimeSlicer {
  const { turnMs, now = () => performance.now() } = options;
  let waiting: (() => void)[] = [];
  /** When this turn has no time left; null when no work was done in it. */
  let endsAt: number | null = null;

  function begin(): number {
    // the next turn is there when timers have had theirs
    setTimeout(next, 0);
    return now() + turnMs;
  }

  function next(): void {
    endsAt = null;
    if (waiting.length === 0) return;
    endsAt = begin();
    let begun = 0;
    // one at least, however short a turn is
    do waiting[begun++]!();
    while (begun < waiting.length && now() < endsAt);
    waiting = waiting.slice(begun);
  }

  return {
    run(work) {
      endsAt ??= begin();
      if (waiting.length === 0 && now() < endsAt) return work();
      return new Promise((resolve) => {
        waiting.push(() => resolve(work()));
      });
    },
  };
}
