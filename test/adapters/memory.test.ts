import { describe, expect, it } from "vitest";
import { createMemoryLiveFeed, createMemoryLogStore } from "../../adapters/memory/index.ts";
import { chunksOf, lineOf } from "../contract/bytes.ts";
import { liveFeedContract } from "../contract/live-feed.ts";
import { logStoreContract } from "../contract/log-store/index.ts";
import { codeOf } from "../contract/outcome.ts";
import { createManualClock } from "../support/manual-clock.ts";

logStoreContract("memory", {
  async create() {
    const store = createMemoryLogStore();
    return { store, dispose: () => store.close() };
  },
});

liveFeedContract("memory", {
  create: () =>
    Promise.resolve({
      feed: createMemoryLiveFeed(),
      other: null,
      dispose: () => Promise.resolve(),
    }),
});

describe("memory LogStore", () => {
  const key = { project: "p", session: "s" };

  it("refuses what would go beyond maxBytes with store-full, and takes more after a delete", async () => {
    const store = createMemoryLogStore({ maxBytes: 100 });
    const { logId } = await store.create(key);
    await store.append(key, lineOf(60), { logId, expectedEnd: 0 });
    await store.append(key, lineOf(30), { logId, expectedEnd: 0, log: "compact" });
    const beyond = store.append(key, lineOf(11), { logId, expectedEnd: 60 });
    expect(await codeOf(beyond)).toBe("store-full");
    expect((await store.stat(key))?.end).toEqual({
      raw: 60,
      compact: 30,
      edits: 0,
      runs: 0,
      keyframes: 0,
      times: 0,
    });
    expect(await store.append(key, lineOf(10), { logId, expectedEnd: 60 })).toBe(70);
    await store.delete(key);
    const again = await store.create(key);
    const largest = store.append(key, lineOf(100), { logId: again.logId, expectedEnd: 0 });
    expect(await largest).toBe(100);
  });

  it("keeps its own copy of what was appended", async () => {
    const store = createMemoryLogStore();
    const { logId } = await store.create(key);
    const bytes = lineOf(100);
    await store.append(key, bytes, { logId, expectedEnd: 0 });
    bytes.fill(0);
    expect(await chunksOf(store.read(key, { logId }))).toEqual([lineOf(100)]);
  });

  it("reads in chunks of 64 KiB, and none before the first pull", async () => {
    const store = createMemoryLogStore();
    const { logId } = await store.create(key);
    await store.append(key, lineOf(150_000), { logId, expectedEnd: 0 });
    const idle = store.read(key, { logId });
    const chunks = await chunksOf(store.read(key, { logId }));
    expect(chunks.map((chunk) => chunk.length)).toEqual([65_536, 65_536, 18_928]);
    await store.delete(key);
    expect(await codeOf(chunksOf(idle))).toBe("log-not-found");
  });

  it("dates a log by its clock", async () => {
    const clock = createManualClock(1_700_000_000_000);
    const store = createMemoryLogStore({ clock });
    await store.create(key);
    clock.advance(5000);
    const later = await store.create({ project: "p", session: "later" });
    expect((await store.stat(key))?.createdAtMs).toBe(1_700_000_000_000);
    expect(later.createdAtMs).toBe(1_700_000_005_000);
  });

  it("refuses a page size and a mark outside the limits, and a cursor that is none", async () => {
    const store = createMemoryLogStore();
    const { logId } = await store.create(key);
    for (const limit of [0, 1001, 1.5, Number.NaN])
      expect(await codeOf(store.list({ limit }))).toBe("invalid-input");
    expect(await codeOf(store.list({ after: "a/b/c" }))).toBe("invalid-input");
    const mark = store.markOpen(key, logId, "run-1", "x".repeat(4097));
    expect(await codeOf(mark)).toBe("invalid-input");
  });
});

describe("memory LiveFeed", () => {
  it("calls the listeners before publish returns, and never one that has just been stopped", () => {
    const feed = createMemoryLiveFeed();
    const key = { project: "p", session: "s" };
    const heard: string[] = [];
    feed.subscribe(key, () => {
      heard.push("first");
      stopSecond();
    });
    const stopSecond = feed.subscribe(key, () => heard.push("second"));
    feed.publish({ ...key, logId: "0123456789abcdef", end: 1 });
    expect(heard).toEqual(["first"]);
  });
});
