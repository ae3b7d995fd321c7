import { checkHistory, type CheckLimits } from "./check.ts";
import { forget, type History, type Operation } from "./history.ts";

export interface ShrinkOptions extends CheckLimits {
  /** All tries together. Default 30 s. */
  readonly shrinkMs?: number;
}

const DEFAULT_SHRINK_MS = 30_000;
/** What is forgotten may make a check long: it is not forgotten then. */
const TRY_MS = 500;

/**
 * The operations without which a history that is a violation would be none, as far as they are found in
 * time: everything else can be forgotten (`forget`), in ever smaller pieces, and it still is one.
 */
export function smallestViolation(history: History, given: ShrinkOptions = {}): History {
  const options = { timeoutMs: TRY_MS, ...given };
  const deadlineMs = performance.now() + (options.shrinkMs ?? DEFAULT_SHRINK_MS);
  const kept = new Set(beginning(history, options));
  const reduced = (without: ReadonlySet<Operation>): History => ({
    ...history,
    operations: history.operations.flatMap((one) =>
      kept.has(one) && !without.has(one) ? [one] : forget(one),
    ),
  });

  let size = Math.ceil(kept.size / 2);
  while (size >= 1 && kept.size > 1) {
    const before = kept.size;
    const all = [...kept];
    for (let from = 0; from < all.length; from += size) {
      if (performance.now() > deadlineMs) return rest(history, kept);
      const piece = new Set(all.slice(from, from + size));
      if (checkHistory(reduced(piece), options).is === "violation")
        for (const one of piece) kept.delete(one);
    }
    // what could not go before may go now
    if (size === 1 && kept.size === before) break;
    size = kept.size === before || size > 1 ? Math.max(1, size >> 1) : 1;
  }
  return rest(history, kept);
}

/** The operations that were answered first, as few as are a violation. */
function beginning(history: History, options: CheckLimits): readonly Operation[] {
  const byAnswer = history.operations.toSorted((a, b) => answerOf(a) - answerOf(b));
  let low = 0;
  let high = byAnswer.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const first = rest(history, new Set(byAnswer.slice(0, middle)));
    if (checkHistory(first, options).is === "violation") high = middle;
    else low = middle + 1;
  }
  return byAnswer.slice(0, high);
}

function answerOf({ completedAt }: Operation): number {
  return completedAt ?? Number.POSITIVE_INFINITY;
}

/** What is left, with what must still be reckoned with. */
function rest(history: History, kept: ReadonlySet<Operation>): History {
  return {
    ...history,
    operations: history.operations.flatMap((one) => (kept.has(one) ? [one] : forget(one))),
  };
}
