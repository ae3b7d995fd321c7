import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readLegacyTime } from "../../../../src/core/legacy/legacy-time.ts";

describe("the time of an old event", () => {
  it.each([
    ["2024-02-29T12:30:45Z", Date.UTC(2024, 1, 29, 12, 30, 45)],
    ["2024-02-29t12:30:45z", Date.UTC(2024, 1, 29, 12, 30, 45)],
    ["2025-06-01T00:00:00.123456789Z", Date.UTC(2025, 5, 1, 0, 0, 0, 123)],
    ["2025-06-01T00:00:00.2839999Z", Date.UTC(2025, 5, 1, 0, 0, 0, 283)],
    ["2025-06-01T00:00:00.5+02:00", Date.UTC(2025, 4, 31, 22, 0, 0, 500)],
    ["2025-06-01T00:00:00-05:30", Date.UTC(2025, 5, 1, 5, 30)],
    ["1969-12-31T23:59:59.999Z", -1],
    ["2016-12-31T23:59:60Z", Date.UTC(2017, 0, 1)],
    ["0001-01-01T00:00:00Z", -62_135_596_800_000],
    ["9999-12-31T23:59:59.999Z", 253_402_300_799_999],
  ])("is the epoch milliseconds of %s", (text, ms) => {
    expect(readLegacyTime(text)).toBe(ms);
  });

  it.each([
    "",
    "yesterday",
    "2024-02-30T00:00:00Z",
    "2023-02-29T00:00:00Z",
    "2024-13-01T00:00:00Z",
    "2024-00-01T00:00:00Z",
    "2024-01-01T24:00:00Z",
    "2024-01-01T00:60:00Z",
    "2024-01-01T00:00:61Z",
    "2024-01-01T00:00:00+24:00",
    "2024-01-01T00:00:00+01:60",
    "2024-01-01T00:00:00",
    "2024-01-01 00:00:00Z",
    "2024-01-01T00:00:00.Z",
    "2024-1-1T00:00:00Z",
    "1700000000000",
    " 2024-01-01T00:00:00Z",
  ])("is nothing for %j", (text) => {
    expect(readLegacyTime(text)).toBeNull();
  });

  it("is what a serialiser wrote, to the millisecond", () => {
    fc.assert(
      fc.property(
        fc.date({ noInvalidDate: true, min: new Date(0, 0), max: new Date(9998, 0) }),
        (date) => {
          expect(readLegacyTime(date.toISOString())).toBe(date.getTime());
        },
      ),
    );
  });
});
