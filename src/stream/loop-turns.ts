/** Shares the event loop's turns between many who work in it, and those who only want to come in. */
export interface LoopTurns {
  /**
   * Calls `work` at once while this turn has time left, else in one of the next turns. Who waits is
   * called in the order of the calls.
   */
  start(work: () => void): void;
}

export interface LoopTurnsOptions {
  /** So long work is begun in a turn. */
  readonly turnMs: number;
  /** Milliseconds, for tests. Default: the machine's. */
  readonly now?: () => number;
}

/** Turns in which nobody has worked yet. */
export function createLoopTurns(options: LoopTurnsOptions): LoopTurns {
  const { turnMs, now = () => performance.now() } = options;
  let waiting: (() => void)[] = [];
  let endsAt: number | null = null;

  function begin(): number {
    // the next turn is there when timers have had theirs
    setTimeout(next, 0);
    return now() + turnMs;
  }

  function next(): void {
    if (waiting.length === 0) {
      endsAt = null;
      return;
    }
    endsAt = begin();
    let done = 0;
    while (done < waiting.length && now() < endsAt) waiting[done++]!();
    waiting = waiting.slice(done);
  }

  return {
    start(work) {
      endsAt ??= begin();
      if (waiting.length === 0 && now() < endsAt) work();
      else waiting.push(work);
    },
  };
}
