import { describe, expect, it } from "vitest";
import { chunksOf, concat, drain, firstDifference, lineOf, utf8 } from "../bytes.ts";
import { codeOf } from "../outcome.ts";
import { KEY, seedLog } from "./harness.ts";
import type { FreshStore } from "./harness.ts";

const MAX_CHUNK_BYTES = 256 * 1024;

/** Reads of a log that stands still: ranges, chunks, failures. */
export function readSuite(fresh: FreshStore): void {
  describe("read", () => {
    it(
      "gives the bytes from start to end, at every boundary of a small log",
      fresh(async ({ store }) => {
        const lines = ["ab\n", "c\n", "\n", "defgh\n", "ij\n"].map(utf8);
        const { logId } = await seedLog(store, lines);
        const whole = concat(lines);
        for (let start = 0; start <= whole.length; start++)
          for (let end = start; end <= whole.length; end++)
            expect(await drain(store.read(KEY, { logId, start, end }))).toEqual(
              whole.subarray(start, end),
            );
      }),
    );

    it(
      "begins at the first byte and stops at the end of the log by default",
      fresh(async ({ store }) => {
        const { logId } = await seedLog(store, [utf8("one\n"), utf8("two\n")]);
        expect(await drain(store.read(KEY, { logId }))).toEqual(utf8("one\ntwo\n"));
        expect(await drain(store.read(KEY, { logId, start: 4 }))).toEqual(utf8("two\n"));
        expect(await drain(store.read(KEY, { logId, end: 4 }))).toEqual(utf8("one\n"));
        expect(await drain(store.read(KEY, { logId, start: 8 }))).toHaveLength(0);
        expect(await drain(store.read(KEY, { logId, log: "compact" }))).toHaveLength(0);
      }),
    );

    it(
      "comes in chunks of at most 256 KiB, cheap to begin anywhere",
      fresh(async ({ store }) => {
        const lines = Array.from({ length: 7 }, (_, i) => lineOf(100_001, i));
        const { logId } = await seedLog(store, lines);
        const whole = concat(lines);
        const chunks = await chunksOf(store.read(KEY, { logId }));
        expect(Math.max(...chunks.map((chunk) => chunk.length))).toBeLessThanOrEqual(
          MAX_CHUNK_BYTES,
        );
        expect(firstDifference(concat(chunks), whole)).toBe(-1);
        for (const near of [65_536, 100_001, 131_072, 262_144, 524_288])
          for (const start of [near - 1, near, near + 1])
            for (const end of [start + 1, start + 65_536, whole.length]) {
              const bytes = await drain(store.read(KEY, { logId, start, end }));
              expect(firstDifference(bytes, whole.subarray(start, end))).toBe(-1);
            }
      }),
    );

    it(
      "fails with log-range when the range is outside the log",
      fresh(async ({ store }) => {
        const { logId } = await seedLog(store, [utf8("12345\n")]);
        const outside = [
          { start: 7 },
          { end: 7 },
          { start: 4, end: 3 },
          { start: -1 },
          { end: -1 },
          { start: 0.5 },
          { end: 5.5 },
          { start: Number.NaN },
          { end: Number.POSITIVE_INFINITY },
          { start: 1, end: 1, log: "compact" } as const,
        ];
        for (const range of outside) {
          const outcome = await codeOf(drain(store.read(KEY, { logId, ...range })));
          expect({ ...range, outcome }).toEqual({ ...range, outcome: "log-range" });
        }
      }),
    );

    it(
      "reports a missing log as the stream's error",
      fresh(async ({ store }) => {
        const stream = store.read(KEY, { logId: "0000000000000000" });
        expect(await codeOf(drain(stream))).toBe("log-not-found");
      }),
    );
  });
}
