import { expect, it } from "vitest";
import { HeldEvents } from "../../../../src/core/profile/held-events.ts";

const line = (start: number) => ({ log: "raw", start, end: start + 10 }) as const;

it("holds lines that follow each other as one range, and each until its run begins", () => {
  const held = new HeldEvents();
  held.hold(line(0), null, false);
  held.hold(line(10), null, false);
  held.hold(line(30), "r", false);
  held.hold(line(40), "r", true);
  expect(held.take("other", false)).toEqual([{ log: "raw", start: 0, end: 20 }]);
  expect(held.take("other", true)).toEqual([]);
  expect(held.take("r", true)).toEqual([line(40)]);
  expect(held.take(null, false)).toEqual([line(30)]);
  expect(held.isEmpty).toBe(true);
});

it("gives the one run that still begins what waited for others", () => {
  const held = new HeldEvents();
  held.hold(line(0), "r", true);
  held.hold(line(20), "s", false);
  held.giveToNext();
  expect(held.take("other", true)).toEqual([line(0)]);
  expect(held.take("other", false)).toEqual([line(20)]);
});

it("counts what it has no room for", () => {
  const held = new HeldEvents();
  for (let i = 0; i < 1_030; i++) held.hold(line(i * 20), null, false);
  expect(held.take(null, false)).toHaveLength(1_024);
  expect([held.takeLeftOut(), held.takeLeftOut()]).toEqual([6, 0]);
});
