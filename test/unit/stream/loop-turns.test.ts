import { expect, it } from "vitest";
import { createLoopTurns } from "../../../src/stream/loop-turns.ts";
import { nextTurn } from "../../contract/wait-for.ts";

it("begins work for so long in each turn, and what waits in the order of the calls", async () => {
  let nowMs = 0;
  const turns = createLoopTurns({ turnMs: 4, now: () => nowMs });
  const done: number[] = [];
  const start = (index: number): void =>
    turns.start(() => {
      nowMs += 1;
      done.push(index);
    });
  for (let index = 0; index < 10; index += 1) start(index);
  expect(done).toEqual([0, 1, 2, 3]);
  await nextTurn();
  expect(done).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  start(10);
  expect(done).toHaveLength(8);
  await nextTurn();
  expect(done).toEqual(Array.from({ length: 11 }, (_, index) => index));
});

it("starts at once again when nobody has waited for a turn", async () => {
  let nowMs = 0;
  const turns = createLoopTurns({ turnMs: 4, now: () => nowMs });
  turns.start(() => (nowMs += 100));
  await nextTurn();
  let isDone = false;
  turns.start(() => (isDone = true));
  expect(isDone).toBe(true);
});

it("keeps work that is asked for by work for its own turn", async () => {
  let nowMs = 0;
  const turns = createLoopTurns({ turnMs: 2, now: () => nowMs });
  const done: string[] = [];
  turns.start(() => (nowMs += 2));
  turns.start(() => {
    done.push("outer");
    nowMs += 2;
    turns.start(() => done.push("inner"));
  });
  expect(done).toEqual([]);
  await nextTurn();
  expect(done).toEqual(["outer"]);
  await nextTurn();
  expect(done).toEqual(["outer", "inner"]);
});
