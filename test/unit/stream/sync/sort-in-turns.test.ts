import { expect, it } from "vitest";
import { createTimeSlicer } from "../../../../src/stream/sync/time-slicer.ts";
import { sortInTurns } from "../../../../src/stream/sync/sort-in-turns.ts";

it("sorts as an array does, also what is equal, whatever the number of items", async () => {
  const turns = createTimeSlicer({ turnMs: 5 });
  for (const length of [0, 1, 4_096, 4_097, 12_289]) {
    const items = Array.from({ length }, (_, i) => ({ key: (i * 7_919) % 101, i }));
    const compare = (a: { key: number }, b: { key: number }): number => a.key - b.key;
    expect(await sortInTurns(items, compare, turns)).toEqual(items.toSorted(compare));
  }
});

it("gives the event loop back between parts of the work", async () => {
  // every turn is over as soon as something was done in it
  let nowMs = 0;
  const turns = createTimeSlicer({ turnMs: 1, now: () => nowMs++ });
  let isSorted = false;
  let others = 0;
  const meanwhile = (): void => {
    others++;
    if (!isSorted) setTimeout(meanwhile, 0);
  };
  setTimeout(meanwhile, 0);
  const items = Array.from({ length: 20_000 }, (_, i) => -i);
  await sortInTurns(items, (a, b) => a - b, turns);
  isSorted = true;
  expect(others).toBeGreaterThan(3);
});
