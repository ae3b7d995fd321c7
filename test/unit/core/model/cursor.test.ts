import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatCursor, parseCursor } from "../../../../src/core/model/cursor.ts";

const logId = fc.stringMatching(/^[a-z0-9]{16}$/);
const offset = fc.integer({ min: 0, max: 999_999_999_999_999 });

describe("cursors", () => {
  it("come back from their text as they were", () => {
    const raw = fc.record({ log: fc.constant("raw" as const), logId, offset });
    const compact = fc.record({
      log: fc.constant("compact" as const),
      logId,
      generation: fc.integer({ min: 0, max: 999_999_999 }),
      offset,
    });
    fc.assert(
      fc.property(fc.oneof(raw, compact), (cursor) => {
        expect(parseCursor(formatCursor(cursor))).toEqual(cursor);
      }),
    );
  });

  it("are one text a position: what parses is what would be formatted", () => {
    const near = fc.stringMatching(/^[a-z0-9]{15,17}-[rcx]\d{0,17}(\.\d{0,3})?$/);
    fc.assert(
      fc.property(fc.oneof(near, fc.string()), (text) => {
        const cursor = parseCursor(text);
        if (cursor) expect(formatCursor(cursor)).toBe(text);
      }),
    );
  });

  it.each([
    "",
    "r5",
    "0123456789abcdef-r",
    "0123456789abcdef-r05",
    "0123456789ABCDEF-r5",
    "0123456789abcdef-r-5",
    "0123456789abcdef-c5",
    " 0123456789abcdef-r5",
    "0123456789abcdef-r5\n",
    "0123456789abcdef-r1e3",
  ])("are none in %j", (text) => {
    expect(parseCursor(text)).toBeNull();
  });
});
