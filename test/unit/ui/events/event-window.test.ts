import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { EventWindow, MAX_ROWS } from "../../../../src/ui/events/event-window.ts";
import { keptHistory, numbered } from "../support/kept-history.ts";

const PAGE = 500;
const EVENTS = 20_000;

describe("a window of a long history", () => {
  it("has rows without a gap, and no more than its bound, wherever one scrolls", async () => {
    const history = keptHistory(numbered(EVENTS));
    const cursors = history.events.map((_, index) => history.cursor(index + 1));
    const moves = fc.array(
      fc.oneof(
        fc.constant("before"),
        fc.constant("after"),
        fc.nat(EVENTS - 1),
        fc.constant("live"),
      ),
      { maxLength: 30 },
    );
    await fc.assert(
      fc.asyncProperty(moves, async (steps) => {
        history.events.splice(EVENTS);
        cursors.splice(EVENTS);
        let window = EventWindow.of(await history.page({ before: "", limit: PAGE }));
        for (const step of steps) {
          if (typeof step === "number")
            window = EventWindow.of(
              await history.page({ after: cursors[step] ?? "", limit: PAGE }),
            );
          else if (step === "before" && window.hasBefore)
            window = window.withBefore(
              await history.page({ before: window.start ?? "", limit: PAGE }),
            );
          else if (step === "after" && window.hasAfter)
            window = window.withAfter(await history.page({ after: window.end ?? "", limit: PAGE }));
          else if (step === "live" && !window.hasAfter) {
            const live = numbered(700).map((event) => {
              history.events.push(event);
              const cursor = history.cursor(history.events.length);
              cursors.push(cursor);
              return { event, cursor, replay: null };
            });
            window = window.withLive(live);
          }
          const first = cursors.indexOf(window.rows[0]?.cursor ?? cursors.at(-1) ?? "");
          const shown = cursors.slice(first, first + window.rows.length);
          expect(window.rows.map(({ cursor }) => cursor)).toEqual(
            window.rows.length === 0 ? [] : shown,
          );
          expect(window.rows.length).toBeLessThanOrEqual(MAX_ROWS);
          if (window.rows.length === 0) continue;
          expect(window.start).toBe(history.cursor(first));
          expect(window.end).toBe(shown.at(-1));
          expect(window.hasBefore).toBe(first > 0);
          expect(window.hasAfter).toBe(shown.at(-1) !== cursors.at(-1));
        }
      }),
      { numRuns: 30 },
    );
  });

  it("knows where its rows lie in the whole", async () => {
    const history = keptHistory(numbered(3_000));
    const middle = await history.page({ after: history.cursor(1_000), limit: PAGE });
    const window = EventWindow.of(middle).withAfter(
      await history.page({ after: history.cursor(1_500), limit: PAGE }),
    );
    expect(window.offsetOf(0)).toBe(middle.startOffset);
    expect(window.offsetOf(PAGE)).toBe(middle.endOffset);
    const offsets = window.rows.map((_, index) => window.offsetOf(index));
    expect(offsets).toEqual(offsets.toSorted((a, b) => a - b));
    expect(window.offsetOf(2 * PAGE)).toBeLessThan(window.size);
  });

  it("of a session without a log begins with what comes live", async () => {
    const history = keptHistory([]);
    const empty = EventWindow.of(await history.page({}));
    expect([empty.rows.length, empty.end, empty.hasAfter]).toEqual([0, null, false]);
    const [event] = numbered(1);
    const window = empty.withLive([{ event: event!, cursor: "log-r1", replay: null }]);
    expect(window.rows.map(({ cursor }) => cursor)).toEqual(["log-r1"]);
    expect([window.end, window.hasBefore]).toEqual(["log-r1", false]);
  });
});
