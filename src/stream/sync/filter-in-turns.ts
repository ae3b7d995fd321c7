import type { TimeSlicer } from "./time-slicer.ts";

/** Items that are looked at before others have their turn. */
const AT_ONCE = 64;

export interface FilterOptions {
  readonly turns: TimeSlicer;
  readonly signal?: AbortSignal | undefined;
}

/**
 * What `choose` takes of the items, some of which it is given at a time, in their order; nobody is kept
 * from the event loop for longer than it takes for those. Rejects when the signal is aborted.
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
