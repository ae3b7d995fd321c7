import { EventType as Published } from "@ag-ui/core";
import { describe, expect, it } from "vitest";
import type { EventType, EventTypeName } from "../../../../src/core/model/event-type.ts";
import { EVENT_TYPES, eventType } from "../../../../src/core/model/event-types.ts";

// @ts-expect-error -- a row without one of the columns does not compile
const WITHOUT_A_COLUMN: EventType = {
  required: {},
  optional: {},
  item: null,
  chunk: null,
  passesChunks: false,
};
// @ts-expect-error -- a table without one of the rows does not compile
const WITHOUT_A_ROW: Record<EventTypeName, EventType> = { RAW: EVENT_TYPES.RAW };

describe("the table of event types", () => {
  it("has every type of the published protocol, but those that were replaced", () => {
    const missing = Object.values(Published).filter((type) => eventType(type) === null);
    expect(missing.filter((type) => !type.startsWith("THINKING_"))).toEqual([]);
  });

  it("has every type that a chunk stands for, with what it does to the same item", () => {
    for (const { chunk } of Object.values<EventType>(EVENT_TYPES)) {
      if (!chunk) continue;
      const { kind, idKey } = chunk;
      for (const [type, step] of [
        [chunk.start, "start"],
        [chunk.content, "delta"],
        [chunk.end, "end"],
      ] as const)
        expect(eventType(type)?.item).toEqual({ step, kind, idKey });
    }
  });

  it("knows nothing by a name that every object has", () => {
    expect(eventType("toString")).toBeNull();
    expect(eventType("__proto__")).toBeNull();
  });

  it("is whole or does not compile", () => {
    expect(Object.keys(WITHOUT_A_ROW).length).toBeLessThan(Object.keys(EVENT_TYPES).length);
    expect(WITHOUT_A_COLUMN).not.toHaveProperty("compactedAs");
  });
});
