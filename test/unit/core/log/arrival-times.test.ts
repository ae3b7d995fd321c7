import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createMemoryLogStore } from "../../../../adapters/memory/index.ts";
import { type ArrivalEntry, encodeArrival } from "../../../../src/core/log/arrival-entries.ts";
import { createArrivalLookup } from "../../../../src/core/log/arrival-lookup.ts";
import { copyArrivals } from "../../../../src/core/log/copy-arrivals.ts";
import type { RawLog } from "../../../../src/core/log/raw-log.ts";
import type { LogStore } from "../../../../src/ports/log-store.ts";
import { createManualClock } from "../../../support/manual-clock.ts";
import { waitFor } from "../../../support/wait-for.ts";
import { sessionsOf } from "../../../support/session-registry.ts";

const KEY = { project: "p", session: "s" };
const LINE = new TextEncoder().encode("{}\n");
const START_MS = 1_800_000_000_000;

/** Entries of a log: offsets go up, by more than one place often enough. */
const entries = fc
  .array(fc.record({ gap: fc.integer({ min: 0, max: 9 }), ms: fc.nat({ max: 9_999 }) }), {
    maxLength: 60,
  })
  .map((steps) => {
    let offset = 0;
    return steps.map(({ gap, ms }): ArrivalEntry => ({ offset: (offset += gap), ms }));
  });

/** What a reader of all entries finds. */
function expected(all: readonly ArrivalEntry[], offset: number): number | null {
  return all.findLast((entry) => entry.offset <= offset)?.ms ?? null;
}

async function timesLog(all: readonly ArrivalEntry[]): Promise<{ store: LogStore; logId: string }> {
  const store = createMemoryLogStore();
  const { logId } = await store.create(KEY);
  await store.append(KEY, all.map(encodeArrival), { logId, log: "times", expectedEnd: 0 });
  return { store, logId };
}

async function lookupIn(store: LogStore, key = KEY) {
  const { logId, end } = (await store.stat(key))!;
  return createArrivalLookup(store, key, { logId, end: end.times }, []);
}

/** A raw log, and the time that it goes by; `log` may be opened again as by another process. */
async function rawLog(store: LogStore): Promise<{
  log: RawLog;
  clock: ReturnType<typeof createManualClock>;
  times: () => Promise<number>;
}> {
  const clock = createManualClock(START_MS);
  await store.create(KEY);
  const { log } = sessionsOf(store, { clock }).use(KEY).session;
  return { log, clock, times: async () => (await store.stat(KEY))!.end.times / 30 };
}

describe("times of arrival", () => {
  it("are found as by a reader of all entries, in any order of questions", async () => {
    await fc.assert(
      fc.asyncProperty(entries, fc.array(fc.nat({ max: 600 })), async (all, offsets) => {
        const { store } = await timesLog(all);
        const lookup = await lookupIn(store);
        for (const offset of offsets) expect(await lookup.at(offset)).toBe(expected(all, offset));
      }),
    );
  });

  it("are found among many by reading few", async () => {
    const all = Array.from({ length: 20_000 }, (_, index) => ({ offset: 100 * index, ms: index }));
    const { store, logId } = await timesLog(all);
    let bytes = 0;
    const counting: Pick<LogStore, "read"> = {
      read(key, options) {
        bytes += (options.end ?? 0) - (options.start ?? 0);
        return store.read(key, options);
      },
    };
    const end = 30 * all.length;
    const lookup = createArrivalLookup(counting, KEY, { logId, end }, []);
    for (const offset of [1_234_567, 1_234_600, 0, 1_999_999, 5_000_000])
      expect(await lookup.at(offset)).toBe(expected(all, offset));
    expect(bytes).toBeLessThan(end / 2);
  });

  it("come with appends, at most four a second, and say when each arrived to a quarter of one", async () => {
    const store = createMemoryLogStore();
    const { log, clock, times } = await rawLog(store);
    const arrived: number[] = [];
    for (let index = 0; index < 100; index++) {
      arrived.push(clock.now());
      await log.append([LINE]);
      clock.advance(30);
    }
    // ten appends of 30 ms are more than a quarter of a second
    await waitFor(async () => (await times()) === Math.ceil(100 / 9));
    const lookup = await lookupIn(store);
    for (const [index, ms] of arrived.entries()) {
      const found = (await lookup.at(index * LINE.length))!;
      expect(found).toBeLessThanOrEqual(ms);
      expect(ms - found).toBeLessThan(250);
    }
  });

  it("are known before they are stored, and lost with a crash, but no event is", async () => {
    const kept = createMemoryLogStore();
    let isDown = true;
    const store: LogStore = {
      ...kept,
      append: (key, bytes, options) =>
        options.log === "times" && isDown
          ? Promise.reject(new Error("down"))
          : kept.append(key, bytes, options),
    };
    const { log, clock, times } = await rawLog(store);
    await log.append([LINE]);
    const stat = (await store.stat(KEY))!;
    expect(await log.arrivalsIn(stat).at(0)).toBe(START_MS);
    await waitFor(async () => (await log.arrivalsIn(stat).at(0)) === null);
    expect([await times(), stat.end.raw]).toEqual([0, LINE.length]);
    isDown = false;
    clock.advance(1_000);
    await log.append([LINE]);
    await waitFor(async () => (await times()) === 1);
    const lookup = await lookupIn(store);
    expect([await lookup.at(0), await lookup.at(LINE.length)]).toEqual([null, START_MS + 1_000]);
  });

  it("go on after those of another process, and not before what is stored", async () => {
    // a loss of power took the end of the raw log, and left its times
    const stale = [
      { offset: 0, ms: 1 },
      { offset: 5 * LINE.length, ms: 2 },
    ];
    const { store } = await timesLog(stale);
    const { log, clock, times } = await rawLog(store);
    for (let index = 0; index < 8; index++) {
      await log.append([LINE]);
      clock.advance(500);
    }
    await waitFor(async () => (await times()) === 5);
    const lookup = await lookupIn(store);
    expect(await lookup.at(4 * LINE.length)).toBe(1);
    expect(await lookup.at(5 * LINE.length)).toBe(START_MS + 2_500);
  });

  it("of a part of a log are those that they were", async () => {
    await fc.assert(
      fc.asyncProperty(
        entries,
        fc.nat(200),
        fc.nat(200),
        fc.nat(9),
        async (all, start, length, some) => {
          // the last of them are stored, or about to be, or both
          const waiting = all.slice(-some - 3);
          const { store } = await timesLog(all.slice(0, all.length - some));
          const to = { project: "p", session: "copy" };
          const { logId } = await store.create(to);
          const stat = (await store.stat(KEY))!;
          const end = start + length;
          await copyArrivals(store, { from: KEY, stat, waiting, to, logId, start, end });
          const lookup = await lookupIn(store, to);
          for (let offset = start; offset < end; offset++)
            expect(await lookup.at(offset - start)).toBe(expected(all, offset));
        },
      ),
    );
  });
});
