import { expect, it } from "vitest";
import { createTimeSlicer } from "../../../../src/stream/sync/time-slicer.ts";
import { nextTurn } from "../../../contract/wait-for.ts";

/** A slicer with a clock of its own, and work that takes a while and notes when it was begun. */
function harness(turnMs: number) {
  let nowMs = 0;
  const turns = createTimeSlicer({ turnMs, now: () => nowMs });
  const begun: number[] = [];
  return {
    begun,
    run: (index: number, ms = 1) =>
      turns.run(async () => {
        nowMs += ms;
        begun.push(index);
        return index;
      }),
  };
}

it("begins work for so long in each turn, and what waits in the order of the calls", async () => {
  const { begun, run } = harness(4);
  const results = Array.from({ length: 10 }, (_, index) => run(index));
  expect(begun).toEqual([0, 1, 2, 3]);
  await nextTurn();
  expect(begun).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  results.push(run(10));
  expect(begun).toHaveLength(8);
  expect(await Promise.all(results)).toEqual(begun);
  expect(begun).toEqual(Array.from({ length: 11 }, (_, index) => index));
});

it("begins at once when nobody has worked for a turn", async () => {
  const { begun, run } = harness(4);
  void run(0, 100);
  await nextTurn();
  void run(1);
  expect(begun).toEqual([0, 1]);
});

it("hands on what goes wrong with work that had to wait", async () => {
  const turns = createTimeSlicer({ turnMs: 0 });
  await expect(turns.run(() => Promise.reject(new Error("broken")))).rejects.toThrow("broken");
});
