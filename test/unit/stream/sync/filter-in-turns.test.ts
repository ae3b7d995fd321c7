import { expect, it } from "vitest";
import { filterInTurns } from "../../../../src/stream/sync/filter-in-turns.ts";
import { createTimeSlicer } from "../../../../src/stream/sync/time-slicer.ts";

const ITEMS = Array.from({ length: 1_000 }, (_, i) => i);

async function choose(part: readonly number[]): Promise<number[]> {
  return part.filter((item) => item % 3 === 0);
}

it("gives the event loop back between parts of the work, and keeps the order", async () => {
  // every turn is over as soon as something was done in it
  let nowMs = 0;
  const turns = createTimeSlicer({ turnMs: 1, now: () => nowMs++ });
  let isDone = false;
  let others = 0;
  const meanwhile = (): void => {
    others++;
    if (!isDone) setTimeout(meanwhile, 0);
  };
  setTimeout(meanwhile, 0);
  expect(await filterInTurns(ITEMS, choose, { turns })).toEqual(await choose(ITEMS));
  isDone = true;
  expect(others).toBeGreaterThan(3);
});

it("ends when its signal is aborted", async () => {
  const abort = new AbortController();
  let parts = 0;
  const chosen = filterInTurns(
    ITEMS,
    async (part) => {
      parts++;
      abort.abort(new Error("nobody waits"));
      return part;
    },
    { turns: createTimeSlicer({ turnMs: 5 }), signal: abort.signal },
  );
  await expect(chosen).rejects.toThrow("nobody waits");
  expect(parts).toBe(1);
});
