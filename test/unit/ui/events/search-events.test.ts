import { describe, expect, it } from "vitest";
import type { AgUiEvent, PageQuery } from "../../../../src/client/index.ts";
import { type EventFilter, matcherOf, NO_FILTER } from "../../../../src/ui/events/event-filter.ts";
import { findTime } from "../../../../src/ui/events/find-time.ts";
import { searchEvents, type SearchProgress } from "../../../../src/ui/events/search-events.ts";
import { type KeptHistory, keptHistory, numbered } from "../support/kept-history.ts";

describe("a search", () => {
  it("finds what fits, in order, says how far it is, and begins where it is told to", async () => {
    const history = keptHistory(numbered(12_000));
    const filter = { types: ["CUSTOM"], text: "EVENT 11" };
    const expected = history.events.flatMap((event, index) =>
      event.type === "CUSTOM" && String(event["name"]).startsWith("event 11")
        ? [history.cursor(index + 1)]
        : [],
    );
    const steps = await search(history, filter, "after", null);
    expect(steps.flatMap(({ found }) => found.map(({ cursor }) => cursor))).toEqual(expected);
    expect(steps.map(({ searchedEvents }) => searchedEvents)).toEqual([5_000, 10_000, 12_000]);
    expect(steps.map(({ isDone }) => isDone)).toEqual([false, false, true]);
    expect(steps.at(-1)).toMatchObject({
      searchedBytes: steps[0]?.size,
      next: history.cursor(12_000),
    });

    const back = await search(history, filter, "before", history.cursor(11_500));
    const before = expected.filter((cursor) => Number(cursor.slice(5)) <= 11_500);
    expect(back.toReversed().flatMap(({ found }) => found.map(({ cursor }) => cursor))).toEqual(
      before,
    );
  });

  it("stops at once when it is told to", async () => {
    const history = keptHistory(numbered(12_000));
    const stop = new AbortController();
    const filter = { types: [], text: "event" };
    const view = "raw";
    const options = { view, filter, direction: "after", from: null, signal: stop.signal } as const;
    for await (const { isDone } of searchEvents(history, options)) {
      expect(isDone).toBe(false);
      stop.abort();
    }
    expect(history.asked).toBe(2);
  });

  it("looks into names and values at any depth, in upper and lower case", () => {
    let deep: unknown = { Needle: 1 };
    for (let depth = 0; depth < 1_000; depth += 1) deep = [deep];
    const fits = (filter: Partial<EventFilter>, event: AgUiEvent): boolean =>
      matcherOf({ ...NO_FILTER, ...filter })(event);
    expect(fits({ text: "needle" }, { type: "CUSTOM", value: deep })).toBe(true);
    expect(fits({ text: "needles" }, { type: "CUSTOM", value: deep })).toBe(false);
    expect(fits({ text: "ä" }, { type: "RAW", event: "Ä" })).toBe(true);
    expect(fits({ text: "4.5" }, { type: "RAW", event: [null, true, 14.5] })).toBe(true);
    expect(fits({ types: ["RAW", "CUSTOM"] }, { type: "RAW" })).toBe(true);
    expect(fits({ types: ["CUSTOM"], text: "raw" }, { type: "RAW" })).toBe(false);
  });
});

describe("a time", () => {
  it("is found in a few small pages, between the events before and after it", async () => {
    const history = keptHistory(numbered(30_000));
    for (const index of [0, 1, 7, 14_999, 20_001, 29_999]) {
      const askedBefore = history.asked;
      const timeMs = 1_000 * index - 1;
      expect(await findTime(history, { timeMs, view: "raw" })).toBe(history.cursor(index));
      expect(history.asked - askedBefore).toBeLessThan(16);
    }
    expect(await findTime(history, { timeMs: 1e12, view: "raw" })).toBe(history.cursor(30_000));
  });

  it("is found by when events arrived, where they say nothing themselves", async () => {
    const history = keptHistory(numbered(2_000).map((event) => ({ ...event, timestamp: null })));
    const arrived = {
      page: async (query: PageQuery) => {
        const page = await history.page(query);
        const times = page.cursors.map((cursor) => 1_000 * (Number(cursor.slice(5)) - 1));
        return { ...page, times };
      },
    };
    const found = await findTime(arrived, { timeMs: 1_234_000, view: "raw" });
    expect(found).toBe(history.cursor(1_234));
  });

  it("is not found where no event has one", async () => {
    const history = keptHistory([{ type: "RAW" }, { type: "CUSTOM", timestamp: "today" }]);
    expect(await findTime(history, { timeMs: 5, view: "compact" })).toBeNull();
    expect(await findTime(keptHistory([]), { timeMs: 5, view: "compact" })).toBeNull();
  });
});

async function search(
  history: KeptHistory,
  filter: EventFilter,
  direction: "after" | "before",
  from: string | null,
): Promise<SearchProgress[]> {
  const { signal } = new AbortController();
  const steps: SearchProgress[] = [];
  const options = { view: "raw", filter, direction, from, signal } as const;
  for await (const step of searchEvents(history, options)) steps.push(step);
  return steps;
}
