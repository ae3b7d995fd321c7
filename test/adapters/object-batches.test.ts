import { describe, expect, it } from "vitest";
import { createMemoryObjectBucket } from "../../adapters/memory/index.ts";
import { createObjectLogStore, type ObjectLogStoreOptions } from "../../adapters/object/index.ts";
import type { ObjectBucket } from "../../src/ports/object-bucket.ts";
import { concat, drain, firstDifference, lineOf } from "../contract/bytes.ts";
import { codeOf } from "../contract/outcome.ts";
import { createManualClock } from "../support/manual-clock.ts";
import { waitFor } from "../support/wait-for.ts";

const KEY = { project: "p", session: "s" };
const MIB = 1024 * 1024;

function setUp(options: Partial<ObjectLogStoreOptions> = {}) {
  const clock = createManualClock();
  const bucket = options.bucket ?? createMemoryObjectBucket();
  const open = () => createObjectLogStore({ clock, ...options, bucket });
  return { bucket, clock, open, store: open() };
}

/** The keys of the raw log, the latest first. */
async function rawKeys(bucket: ObjectBucket): Promise<string[]> {
  const { objects } = await bucket.list({ prefix: "logs/p/s/" });
  return objects.map(({ key }) => key).filter((key) => key.includes("/raw/"));
}

describe("appends to objects", () => {
  it("wait 200 ms for others that travel with them, and no longer", async () => {
    const { bucket, clock, store } = setUp();
    const { logId } = await store.create(KEY);
    const ends: number[] = [];
    for (let i = 0; i < 5; i++)
      void store
        .append(KEY, lineOf(100, i), { logId, expectedEnd: i * 100 })
        .then((end) => ends.push(end));
    clock.advance(199);
    await settle();
    expect(await rawKeys(bucket)).toEqual([]);
    clock.advance(1);
    await waitFor(() => ends.length === 5);
    expect(ends).toEqual([100, 200, 300, 400, 500]);
    expect(await rawKeys(bucket)).toHaveLength(1);
  });

  it("go at once when they ask for the device, and take along what waits", async () => {
    const { bucket, store } = setUp();
    const { logId } = await store.create(KEY);
    const first = store.append(KEY, lineOf(100), { logId, expectedEnd: 0 });
    const last = store.append(KEY, lineOf(50), { logId, expectedEnd: 100, durable: true });
    expect(await Promise.all([first, last])).toEqual([100, 150]);
    expect(await rawKeys(bucket)).toHaveLength(1);
  });

  it("go at once when there is 1 MiB of them", async () => {
    const { bucket, store } = setUp();
    const { logId } = await store.create(KEY);
    const half = lineOf(MIB / 2);
    const first = store.append(KEY, half, { logId, expectedEnd: 0 });
    const second = store.append(KEY, half, { logId, expectedEnd: MIB / 2 });
    expect(await Promise.all([first, second])).toEqual([MIB / 2, MIB]);
    expect(await rawKeys(bucket)).toHaveLength(1);
  });

  it("are held back by a slow put: one is under way at a time, and the others travel together", async () => {
    const memory = createMemoryObjectBucket();
    const waiting: (() => void)[] = [];
    const bucket: ObjectBucket = {
      ...memory,
      async putIfAbsent(key, bytes, options) {
        if (key.includes("/raw/")) await new Promise<void>((resolve) => waiting.push(resolve));
        return memory.putIfAbsent(key, bytes, options);
      },
    };
    const { clock, store } = setUp({ bucket });
    const { logId } = await store.create(KEY);
    let settled = 0;
    const append = async (i: number): Promise<void> => {
      await store.append(KEY, lineOf(100, i), { logId, expectedEnd: i * 100 });
      settled++;
    };
    const appends = [append(0)];
    clock.advance(200);
    await waitFor(() => waiting.length === 1);
    for (let i = 1; i < 10; i++) appends.push(append(i));
    clock.advance(1_000);
    await settle();
    expect({ puts: waiting.length, settled }).toEqual({ puts: 1, settled: 0 });
    waiting.shift()?.();
    await waitFor(() => waiting.length === 1);
    expect(settled).toBe(1);
    waiting.shift()?.();
    await Promise.all(appends);
    expect(await rawKeys(memory)).toHaveLength(2);
  });
});

describe("a log of many objects", () => {
  it("becomes one when a run ends, and what it was made of goes after a while", async () => {
    const { bucket, clock, store } = setUp({ batchMs: 0 });
    const { logId } = await store.create(KEY);
    const lines = Array.from({ length: 40 }, (_, i) => lineOf(100 + i, i));
    await appendAll(store, logId, lines, clock);
    await waitFor(async () => (await rawKeys(bucket)).some((key) => key.includes("-000")));
    const idle = store.read(KEY, { logId }).getReader();
    clock.advance(60_000);
    await waitFor(async () => (await rawKeys(bucket)).length === 1);
    expect(firstDifference(await drain(store.read(KEY, { logId })), concat(lines))).toBe(-1);
    await idle.cancel();
  });

  it("is read past what is merged and deleted on the way", async () => {
    const { bucket, clock, store } = setUp({ batchMs: 0 });
    const { logId } = await store.create(KEY);
    const lines = Array.from({ length: 40 }, (_, i) => lineOf(30_000, i));
    await appendAll(store, logId, lines.slice(0, -1), clock, { isEnd: false });
    const reader = store.read(KEY, { logId }).getReader();
    const chunks = [(await reader.read()).value ?? new Uint8Array(0)];
    const expectedEnd = 39 * 30_000;
    await store.append(KEY, lineOf(30_000, 39), { logId, expectedEnd, durable: true });
    await waitFor(async () => (await rawKeys(bucket)).some((key) => key.includes("-000")));
    clock.advance(60_000);
    await waitFor(async () => (await rawKeys(bucket)).length === 1);
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      chunks.push(value);
    }
    expect(firstDifference(concat(chunks), concat(lines.slice(0, -1)))).toBe(-1);
  });

  it("merges into parts when it is large, and grows on from there", async () => {
    const { bucket, clock, store } = setUp({ batchMs: 0 });
    const { logId } = await store.create(KEY);
    const lines = Array.from({ length: 20 }, (_, i) => lineOf(MIB, i));
    await appendAll(store, logId, lines, clock);
    await waitFor(async () => (await rawKeys(bucket)).some((key) => key.includes("-000")));
    clock.advance(60_000);
    await waitFor(async () => (await rawKeys(bucket)).length === 1);
    const more = await store.append(KEY, lineOf(10), {
      logId,
      expectedEnd: 20 * MIB,
      durable: true,
    });
    const all = concat([...lines, lineOf(10)]);
    expect(more).toBe(all.length);
    expect(firstDifference(await drain(store.read(KEY, { logId })), all)).toBe(-1);
  });
});

describe("a writer that was asleep", () => {
  it("wins nothing when another one has taken over, merged and cleared up", async () => {
    const memory = createMemoryObjectBucket();
    const held: (() => void)[] = [];
    let isAsleep = false;
    const sleepy: ObjectBucket = {
      ...memory,
      async putIfAbsent(key, bytes, options) {
        // the put was sent, and reaches the store much later
        if (isAsleep && key.includes("/raw/"))
          await new Promise<void>((resolve) => held.push(resolve));
        return memory.putIfAbsent(key, bytes, options);
      },
    };
    const options = { batchMs: 0, attemptMs: 3_600_000, idleMs: 3_600_000 };
    const { clock, store: old } = setUp({ ...options, bucket: sleepy });
    const takeoverMarker = createObjectLogStore({ ...options, bucket: memory, clock });
    const { logId } = await old.create(KEY);
    const first = old.append(KEY, lineOf(100, 1), { logId, expectedEnd: 0 });
    await tick(clock, first);
    expect(await codeOf(takeoverMarker.append(KEY, lineOf(9), { logId, expectedEnd: 100 }))).toBe(
      "log-not-owned",
    );

    isAsleep = true;
    const late = codeOf(old.append(KEY, lineOf(200, 2), { logId, expectedEnd: 100 }));
    await tick(
      clock,
      waitFor(() => held.length === 1),
    );
    const lines = Array.from({ length: 30 }, (_, i) => lineOf(50, i));
    // its signs of life are on the manual clock: it gives none while time passes in one step
    await memory.delete((await memory.list({ prefix: "owners/" })).objects.map(({ key }) => key));
    await memory.put(`owners/${await ownerOf(memory)}`, new Uint8Array(0), { tag: "1" });
    await appendAll(takeoverMarker, logId, lines, clock, { start: 100 });
    await waitFor(async () => (await rawKeys(memory)).some((key) => key.includes("-000")));
    // in steps, so that the heir's signs of life get through
    for (let ms = 0; ms < 60_000; ms += 1_000) {
      clock.advance(1_000);
      await settle();
    }
    // the merged object and the place where the heir took over
    await waitFor(async () => (await rawKeys(memory)).length === 2);

    held.shift()?.();
    expect(await late).toBe("log-fenced");
    const all = concat([lineOf(100, 1), ...lines]);
    expect(firstDifference(await drain(takeoverMarker.read(KEY, { logId })), all)).toBe(-1);
    expect(await codeOf(old.append(KEY, lineOf(9), { logId, expectedEnd: all.length }))).toBe(
      "log-not-owned",
    );
  });
});

type Store = ReturnType<typeof createObjectLogStore>;
type Manual = ReturnType<typeof createManualClock>;

/** Appends one object a line; at an end the last asks for the device, as that of a run does. */
async function appendAll(
  store: Store,
  logId: string,
  lines: readonly Uint8Array[],
  clock: Manual,
  { start = 0, isEnd = true }: { readonly start?: number; readonly isEnd?: boolean } = {},
): Promise<void> {
  let expectedEnd = start;
  for (const [i, line] of lines.entries()) {
    const durable = isEnd && i === lines.length - 1;
    const append = store.append(KEY, line, { logId, expectedEnd, durable });
    expectedEnd = await tick(clock, append);
  }
}

/** Lets timers of 0 ms fire until `promise` has settled. */
async function tick<T>(clock: Manual, promise: Promise<T>): Promise<T> {
  const state = { settled: false };
  void promise
    .finally(() => {
      state.settled = true;
    })
    .catch(() => {});
  while (!state.settled) {
    clock.advance(0);
    await settle();
  }
  return promise;
}

function settle(): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, 0);
  });
}

/** Who has the session, by its newest lease. */
async function ownerOf(bucket: ObjectBucket): Promise<string> {
  const { objects } = await bucket.list({ prefix: "leases/", limit: 1 });
  return (await bucket.head(objects[0]?.key ?? ""))?.tag ?? "";
}
