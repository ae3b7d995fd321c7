import { describe, expect, it } from "vitest";
import { concat, drain, firstDifference, lineOf, textOf, utf8 } from "../bytes.ts";
import { codeOf } from "../outcome.ts";
import { KEY, readRaw, seedLog } from "./harness.ts";
import type { FreshStore } from "./harness.ts";

/** Appends: what is accepted, in which order, and who sees it. */
export function appendSuite(fresh: FreshStore): void {
  describe("append", () => {
    describeSingleAppends(fresh);
    describePipelinedAppends(fresh);

    it(
      "keeps raw, compact and edits apart: each has its own bytes and its own end",
      fresh(async ({ store }) => {
        const { logId } = await seedLog(store, [utf8("raw 1\n"), utf8("raw 2\n")]);
        const compact = { logId, log: "compact" } as const;
        expect(await store.append(KEY, utf8("compact\n"), { ...compact, expectedEnd: 0 })).toBe(8);
        const wrong = store.append(KEY, utf8("x\n"), { ...compact, expectedEnd: 12 });
        expect(await codeOf(wrong)).toBe("log-fenced");
        const edits = { logId, log: "edits" } as const;
        expect(await store.append(KEY, utf8("edit\n"), { ...edits, expectedEnd: 0 })).toBe(5);
        expect((await store.stat(KEY))?.end).toEqual({
          raw: 12,
          compact: 8,
          edits: 5,
          runs: 0,
          keyframes: 0,
          times: 0,
        });
        expect(textOf(await drain(store.read(KEY, { logId })))).toBe("raw 1\nraw 2\n");
        expect(textOf(await drain(store.read(KEY, compact)))).toBe("compact\n");
        expect(textOf(await drain(store.read(KEY, edits)))).toBe("edit\n");
      }),
    );

    it(
      "keeps sessions apart that are written at once",
      fresh(async ({ store }) => {
        const keys = Array.from({ length: 40 }, (_, i) => ({
          project: i % 2 === 0 ? "even" : "odd",
          session: `s-${i >> 1}`,
        }));
        await Promise.all(
          keys.map((key, i) =>
            seedLog(
              store,
              [lineOf(50, i), lineOf(70 + i, i), lineOf(1, i), lineOf(90, i + 1)],
              key,
            ),
          ),
        );
        for (const [i, key] of keys.entries()) {
          const want = concat([lineOf(50, i), lineOf(70 + i, i), lineOf(1), lineOf(90, i + 1)]);
          expect(await readRaw(store, key)).toEqual(want);
        }
      }),
    );
  });
}

function describeSingleAppends(fresh: FreshStore): void {
  it(
    "resolves with the new end once the bytes are accepted",
    fresh(async ({ store }) => {
      const { logId } = await store.create(KEY);
      expect(await store.append(KEY, utf8("one\n"), { logId, expectedEnd: 0 })).toBe(4);
      expect(await store.append(KEY, utf8("three\n"), { logId, expectedEnd: 4 })).toBe(10);
    }),
  );

  it(
    "is seen by every later stat and read of any caller",
    fresh(async ({ store }) => {
      const { logId } = await store.create(KEY);
      let expectedEnd = 0;
      for (let i = 0; i < 20; i++) {
        expectedEnd = await store.append(KEY, utf8(`line ${i}\n`), { logId, expectedEnd });
        const [stat, bytes] = await Promise.all([
          store.stat(KEY),
          drain(store.read(KEY, { logId })),
        ]);
        expect(stat?.end.raw).toBe(expectedEnd);
        expect(textOf(bytes).endsWith(`line ${i}\n`)).toBe(true);
        expect(bytes.length).toBe(expectedEnd);
      }
    }),
  );

  it(
    "appends nothing when there are no bytes, and resolves with the same end",
    fresh(async ({ store }) => {
      const { logId, end } = await seedLog(store, [utf8("a line\n")]);
      const options = { logId, expectedEnd: end.raw };
      for (const nothing of [new Uint8Array(0), [], [new Uint8Array(0), new Uint8Array(0)]])
        expect(await store.append(KEY, nothing, options)).toBe(7);
      expect(await readRaw(store)).toEqual(utf8("a line\n"));
    }),
  );

  it(
    "accepts a line of one byte",
    fresh(async ({ store }) => {
      const { logId } = await store.create(KEY);
      expect(await store.append(KEY, utf8("\n"), { logId, expectedEnd: 0 })).toBe(1);
      expect(await readRaw(store)).toEqual(utf8("\n"));
    }),
  );

  it(
    "takes several arrays in their order, empty ones among them",
    fresh(async ({ store }) => {
      const { logId } = await store.create(KEY);
      const line = lineOf(3000, 1);
      const pieces = Array.from({ length: 1500 }, (_, i) => line.subarray(i * 2, i * 2 + 2));
      const bytes = [new Uint8Array(0), ...pieces, new Uint8Array(0)];
      expect(await store.append(KEY, bytes, { logId, expectedEnd: 0 })).toBe(3000);
      expect(await readRaw(store)).toEqual(line);
    }),
  );

  it(
    "keeps every byte value and asks for the device when told",
    fresh(async ({ store }) => {
      const { logId } = await store.create(KEY);
      const bytes = Uint8Array.from({ length: 257 }, (_, i) => (i === 256 ? 10 : i));
      expect(await store.append(KEY, bytes, { logId, expectedEnd: 0, durable: true })).toBe(257);
      expect(await readRaw(store)).toEqual(bytes);
    }),
  );
}

function describePipelinedAppends(fresh: FreshStore): void {
  it(
    "lets appends in flight together take effect in the order in which they were called",
    fresh(async ({ store }) => {
      const { logId } = await store.create(KEY);
      const lines = Array.from({ length: 200 }, (_, i) => lineOf(1 + ((i * 97) % 4000), i));
      const ends: number[] = [];
      let expectedEnd = 0;
      const appends = lines.map((line) => {
        const append = store.append(KEY, line, { logId, expectedEnd });
        expectedEnd += line.length;
        ends.push(expectedEnd);
        return append;
      });
      expect(await Promise.all(appends)).toEqual(ends);
      expect(firstDifference((await readRaw(store)) ?? utf8(""), concat(lines))).toBe(-1);
    }),
  );

  it(
    "refuses what is chained after a refused append",
    fresh(async ({ store }) => {
      const { logId } = await store.create(KEY);
      const codes = await Promise.all(
        [0, 3, 8, 4].map((expectedEnd) =>
          codeOf(store.append(KEY, utf8(`at ${expectedEnd}\n`), { logId, expectedEnd })),
        ),
      );
      expect(codes).toEqual(["resolved", "log-fenced", "log-fenced", "log-fenced"]);
      expect(await readRaw(store)).toEqual(utf8("at 0\n"));
    }),
  );

  it(
    "chains raw and compact appends in flight independently",
    fresh(async ({ store }) => {
      const { logId } = await store.create(KEY);
      const ends = await Promise.all(
        Array.from({ length: 30 }, (_, i) =>
          store.append(KEY, utf8("12345\n"), {
            logId,
            log: i % 3 === 0 ? "compact" : "raw",
            expectedEnd: 6 * (i % 3 === 0 ? i / 3 : i - Math.ceil(i / 3)),
          }),
        ),
      );
      expect(ends).toHaveLength(30);
      expect((await store.stat(KEY))?.end).toEqual({
        raw: 120,
        compact: 60,
        edits: 0,
        runs: 0,
        keyframes: 0,
        times: 0,
      });
    }),
  );
}
