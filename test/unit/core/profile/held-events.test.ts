import { expect, it } from "vitest";
import { HeldEvents } from "../../../../src/core/profile/held-events.ts";

const line = (start: number) => ({ log: "raw", start, end: start + 10 }) as const;

it("holds lines that follow each other as one range, and each until its run begins", () => {
  const held = new HeldEvents();
  held.hold(line(0), null, "event");
  held.hold(line(10), null, "event");
  held.hold(line(30), "r", "event");
  held.hold(line(40), "r", "snapshot");
  expect(held.take("other", ["input", "event"])).toEqual([
    { log: "raw", start: 0, end: 20, kind: "event" },
  ]);
  expect(held.take("other", ["snapshot"])).toEqual([]);
  expect(held.take("r", ["snapshot"])).toEqual([{ ...line(40), kind: "snapshot" }]);
  expect(held.take(null, ["event"])).toEqual([{ ...line(30), kind: "event" }]);
  expect(held.isEmpty).toBe(true);
});

it("gives the one run that still begins what waited for others", () => {
  const held = new HeldEvents();
  held.hold(line(0), "r", "snapshot");
  held.hold(line(20), "s", "event");
  held.giveToNext();
  expect(held.take("other", ["snapshot"])).toEqual([{ ...line(0), kind: "snapshot" }]);
  expect(held.take("other", ["input", "event"])).toEqual([{ ...line(20), kind: "event" }]);
});

it("counts what it has no room for", () => {
  const held = new HeldEvents();
  for (let i = 0; i < 1_030; i++) held.hold(line(i * 20), null, "event");
  expect(held.take(null, ["event"])).toHaveLength(1_024);
  expect([held.takeLeftOut(), held.takeLeftOut()]).toEqual([6, 0]);
});
