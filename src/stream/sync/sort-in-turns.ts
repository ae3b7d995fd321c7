import type { TimeSlicer } from "./time-slicer.ts";

/** Items that are sorted, or merged, before the event loop is given back. */
const AT_ONCE = 4_096;

/** The items in their order, sorted with turns of the event loop for other tasks. */
export async function sortInTurns<T>(
  items: readonly T[],
  compare: (a: T, b: T) => number,
  turns: TimeSlicer,
): Promise<T[]> {
  let runs: T[][] = [];
  for (let at = 0; at < items.length; at += AT_ONCE) {
    const part = items.slice(at, at + AT_ONCE);
    runs.push(await turns.run(async () => part.sort(compare)));
  }
  while (runs.length > 1) {
    const merged: T[][] = [];
    for (let i = 0; i < runs.length; i += 2)
      merged.push(await mergeInTurns(runs[i] ?? [], runs[i + 1] ?? [], compare, turns));
    runs = merged;
  }
  return runs[0] ?? [];
}

async function mergeInTurns<T>(
  left: readonly T[],
  right: readonly T[],
  compare: (a: T, b: T) => number,
  turns: TimeSlicer,
): Promise<T[]> {
  const merged: T[] = [];
  let l = 0;
  let r = 0;
  while (merged.length < left.length + right.length)
    await turns.run(async () => {
      const end = Math.min(merged.length + AT_ONCE, left.length + right.length);
      while (merged.length < end) {
        const isLeft = r === right.length || (l < left.length && compare(left[l]!, right[r]!) <= 0);
        merged.push(isLeft ? left[l++]! : right[r++]!);
      }
    });
  return merged;
}
