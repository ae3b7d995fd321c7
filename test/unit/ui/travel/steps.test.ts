import { describe, expect, it } from "vitest";
import { placeAt, placeOf, type Step, stepFrom } from "../../../../src/ui/travel/steps.ts";
import { keptHistory } from "../support/kept-history.ts";

const TYPES = ["RUN_STARTED", "RAW", "RUN_FINISHED", "CUSTOM", "RUN_STARTED", "RUN_ERROR", "RAW"];
const history = keptHistory(TYPES.map((type) => ({ type })));
const { signal } = new AbortController();

/** Where the step leads from after so many events, as a number of events; null from the end. */
async function led(from: number | null, step: Step): Promise<number | null> {
  const cursor = from === null ? null : history.cursor(from);
  const place = await stepFrom(history, cursor, step, signal);
  return place === null ? null : Number(place.cursor.slice(5));
}

describe("a step in time", () => {
  it("leads event by event, and no further than the ends", async () => {
    expect(await led(3, "next-event")).toBe(4);
    expect(await led(7, "next-event")).toBeNull();
    expect(await led(3, "previous-event")).toBe(2);
    expect(await led(1, "previous-event")).toBeNull();
    expect(await led(null, "previous-event")).toBe(6);
    expect(await led(null, "next-event")).toBeNull();
    expect([await led(3, "first"), await led(3, "last")]).toEqual([1, 7]);
  });

  it("leads from one end of a run to the next one", async () => {
    expect(await led(1, "next-run")).toBe(3);
    expect(await led(3, "next-run")).toBe(6);
    expect(await led(6, "next-run")).toBeNull();
    expect(await led(null, "previous-run")).toBe(6);
    expect(await led(6, "previous-run")).toBe(3);
    expect(await led(3, "previous-run")).toBeNull();
  });

  it("knows where it is in the whole", async () => {
    const end = await placeOf(history, history.cursor(7), signal);
    expect(end?.offset).toBe(end?.size);
    const middle = await placeAt(history, Math.floor((end?.size ?? 0) / 2), signal);
    expect(await placeOf(history, middle?.cursor ?? "", signal)).toEqual(middle);
    expect(await placeAt(keptHistory([]), 0, signal)).toBeNull();
  });
});
