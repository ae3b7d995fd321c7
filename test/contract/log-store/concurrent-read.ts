import { describe, expect, it } from "vitest";
import { concat, drain, firstDifference, lineOf, utf8 } from "../bytes.ts";
import { reasonOf } from "../outcome.ts";
import { nextTurn } from "../wait-for.ts";
import { KEY, MANY_STEPS_MS, seedLog } from "./harness.ts";
import type { FreshStore } from "./harness.ts";

/** Reads beside appends and other reads, and reads that are ended early. */
export function concurrentReadSuite(fresh: FreshStore): void {
  describe("read, meanwhile", () => {
    describeConcurrentReads(fresh);
    describeEndedReads(fresh);
  });
}

function describeConcurrentReads(fresh: FreshStore): void {
  it(
    "sees a prefix of the log that ends at an accepted end while the log grows",
    fresh(async ({ store }) => {
      const { logId } = await store.create(KEY);
      const lines = Array.from({ length: 60 }, (_, i) => lineOf(1 + ((i * 389) % 9000), i));
      const whole = concat(lines);
      const ends = new Set([0]);
      const progress = { done: false };

      async function write(): Promise<void> {
        let expectedEnd = 0;
        for (const line of lines) {
          ends.add(expectedEnd + line.length);
          expectedEnd = await store.append(KEY, line, { logId, expectedEnd });
        }
        progress.done = true;
      }

      async function readOnAndOn(): Promise<void> {
        let before = 0;
        while (!progress.done) {
          const bytes = await drain(store.read(KEY, { logId }));
          expect(ends).toContain(bytes.length);
          expect(bytes.length).toBeGreaterThanOrEqual(before);
          expect(firstDifference(bytes, whole.subarray(0, bytes.length))).toBe(-1);
          before = bytes.length;
          await nextTurn();
        }
      }

      await Promise.all([write(), readOnAndOn(), readOnAndOn()]);
      expect(firstDifference(await drain(store.read(KEY, { logId })), whole)).toBe(-1);
    }),
    MANY_STEPS_MS,
  );

  it(
    "keeps to the end that was there when the read began",
    fresh(async ({ store }) => {
      const line = lineOf(700_000, 1);
      const { logId, end } = await seedLog(store, [line]);
      const reader = store.read(KEY, { logId }).getReader();
      const first = await reader.read();
      await store.append(KEY, lineOf(700_000, 2), { logId, expectedEnd: end.raw });
      const rest = await remaining(reader);
      expect(firstDifference(concat([first.value ?? utf8(""), ...rest]), line)).toBe(-1);
    }),
  );

  it(
    "serves many reads of one log at once, each at its own place",
    fresh(async ({ store }) => {
      const line = lineOf(300_000);
      const { logId } = await seedLog(store, [line]);
      const starts = Array.from({ length: 60 }, (_, i) => i * 5000);
      const reads = await Promise.all(
        starts.map((start) => drain(store.read(KEY, { logId, start }))),
      );
      for (const [i, bytes] of reads.entries())
        expect(firstDifference(bytes, line.subarray(starts[i]))).toBe(-1);
    }),
  );
}

function describeEndedReads(fresh: FreshStore): void {
  it(
    "releases what a cancelled read held",
    fresh(async ({ store }) => {
      const { logId, end } = await seedLog(store, [lineOf(600_000)]);
      for (let i = 0; i < 300; i++) {
        const reader = store.read(KEY, { logId }).getReader();
        // every third read is cancelled before anything was pulled
        if (i % 3 !== 0) await reader.read();
        await reader.cancel();
      }
      const appended = await store.append(KEY, lineOf(10), { logId, expectedEnd: end.raw });
      expect(appended).toBe(600_010);
      expect(await drain(store.read(KEY, { logId }))).toHaveLength(600_010);
      expect(await store.delete(KEY)).toBe(true);
    }),
  );

  it(
    "errors with the signal's reason when the read is aborted",
    fresh(async ({ store }) => {
      const { logId } = await seedLog(store, [lineOf(3 * 1024 * 1024)]);
      const abort = new AbortController();
      const reason = new Error("the viewer has gone");
      const stream = store.read(KEY, { logId, signal: abort.signal });
      const waiting = store.read(KEY, { logId, signal: abort.signal });
      const reader = stream.getReader();
      expect((await reader.read()).done).toBe(false);
      abort.abort(reason);
      expect(await reasonOf(remaining(reader))).toBe(reason);
      expect(await reasonOf(drain(waiting))).toBe(reason);
      expect(await reasonOf(drain(store.read(KEY, { logId, signal: abort.signal })))).toBe(reason);
      expect(await drain(store.read(KEY, { logId, end: 5 }))).toHaveLength(5);
    }),
  );

  it(
    "is not touched by a signal that is aborted after its end",
    fresh(async ({ store }) => {
      const { logId } = await seedLog(store, [utf8("a line\n")]);
      const abort = new AbortController();
      const bytes = await drain(store.read(KEY, { logId, signal: abort.signal }));
      abort.abort();
      expect(bytes).toEqual(utf8("a line\n"));
    }),
  );
}

async function remaining(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<Uint8Array[]> {
  const chunks: Uint8Array[] = [];
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return chunks;
    chunks.push(value);
  }
}
