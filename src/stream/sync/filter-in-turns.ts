import type { TimeSlicer } from "./time-slicer.ts";

/** Items that are examined before other tasks have their turn. */
const AT_ONCE = 64;

export interface FilterOptions {
  readonly turns: TimeSlicer;
  readonly signal?: AbortSignal | undefined;
}

/**
 * The items that `choose` returns of some items at a time, in their order, with a turn for other
 * tasks in between. Rejects when the signal is aborted.
 */
export async function filterInTurns<T>(
  items: readonly T[],
  choose: (part: readonly T[]) => Promise<readonly T[]>,
  { turns, signal }: FilterOptions,
): Promise<T[]> {
  const chosen: T[] = [];
  for (let at = 0; at < items.length; at += AT_ONCE) {
    signal?.throwIfAborted();
    const part = items.slice(at, at + AT_ONCE);
    for (const item of await turns.run(() => choose(part))) chosen.push(item);
  }
  return chosen;
}
