import { describe, expect, it } from "vitest";
import { createMemoryObjectBucket } from "../../adapters/memory/index.ts";
import { createObjectLogStore, type ObjectLogStoreOptions } from "../../adapters/object/index.ts";
import type { LogStore } from "../../src/ports/log-store.ts";
import type { ObjectBucket } from "../../src/ports/object-bucket.ts";
import { drain, textOf, utf8 } from "../contract/bytes.ts";
import { codeOf } from "../contract/outcome.ts";
import { createManualClock, type ManualClock } from "../support/manual-clock.ts";
import { waitFor } from "../support/wait-for.ts";

const KEY = { project: "p", session: "s" };
const PEER = { url: "http://10.0.0.7:8080", key: "a-secret" };
const HERE = { kind: "here" };
const NOBODY = { kind: "nobody" };

const START_MS = 1_800_000_000_000;

/** A process on the bucket. Its clock is its own. */
interface Process {
  readonly store: LogStore;
  readonly clock: ManualClock;
}

function start(
  bucket: ObjectBucket,
  options: Partial<ObjectLogStoreOptions> = {},
  skewMs = 0,
): Process {
  const clock = createManualClock(START_MS + skewMs);
  return { clock, store: createObjectLogStore({ bucket, clock, batchMs: 0, ...options }) };
}

/** Lets time pass everywhere, second by second, and what falls due come to rest. */
async function pass(ms: number, ...processes: readonly Process[]): Promise<void> {
  for (let at = 0; at < ms; at += 1_000) {
    for (const { clock } of processes) clock.advance(1_000);
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
  }
}

async function textIn(store: LogStore): Promise<string> {
  const stat = await store.stat(KEY);
  return stat === null ? "" : textOf(await drain(store.read(KEY, { logId: stat.logId })));
}

describe("the owner of a session", () => {
  it("is known to others, with its address, until it lets the session go", async () => {
    const bucket = createMemoryObjectBucket();
    const a = start(bucket, { advertised: PEER });
    const b = start(bucket);
    expect(await b.store.ownerOf(KEY)).toEqual(NOBODY);
    expect(await a.store.acquire(KEY)).toEqual(HERE);
    const owner = await b.store.ownerOf(KEY);
    expect(owner).toMatchObject({ kind: "elsewhere", peer: PEER });
    expect(await b.store.acquire(KEY)).toEqual(owner);
    expect(b.store.owns(KEY)).toBe(false);
    expect(await codeOf(b.store.create(KEY))).toBe("log-not-owned");
    await a.store.release(KEY);
    expect(a.store.owns(KEY)).toBe(false);
    expect(await b.store.acquire(KEY)).toEqual(HERE);
    expect(await a.store.acquire(KEY)).toMatchObject({ kind: "elsewhere", peer: null });
  });

  it("is one of those that ask at once", async () => {
    const bucket = createMemoryObjectBucket();
    const all = Array.from({ length: 5 }, () => start(bucket));
    const owners = await Promise.all(all.map(({ store }) => store.acquire(KEY)));
    expect(owners.filter(({ kind }) => kind === "here")).toHaveLength(1);
    expect(owners.filter(({ kind }) => kind === "elsewhere")).toHaveLength(4);
  });

  it("keeps a session that it has acquired, and loses one that it has only written, after a minute without a write", async () => {
    const bucket = createMemoryObjectBucket();
    const a = start(bucket, { advertised: PEER });
    const b = start(bucket);
    await a.store.create(KEY);
    await pass(120_000, a, b);
    expect(await b.store.ownerOf(KEY)).toEqual(NOBODY);
    await a.store.acquire(KEY);
    await pass(600_000, a, b);
    expect(await b.store.ownerOf(KEY)).toMatchObject({ kind: "elsewhere" });
    await a.store.release(KEY);
    // who cannot be reached keeps nothing that others might be asked for
    await b.store.acquire(KEY);
    await pass(120_000, a, b);
    expect(await a.store.ownerOf(KEY)).toEqual(NOBODY);
  });

  it("lets go of all but its open runs when it leaves, and of these when it is told to", async () => {
    const bucket = createMemoryObjectBucket();
    const a = start(bucket);
    const b = start(bucket);
    const working = { ...KEY, session: "working" };
    const { logId } = await a.store.create(working);
    await a.store.markOpen(working, logId, "run-1", "open");
    await a.store.acquire(KEY);
    await a.store.leave();
    expect(await b.store.ownerOf(KEY)).toEqual(NOBODY);
    expect(await b.store.ownerOf(working)).toMatchObject({ kind: "elsewhere" });
    expect(await a.store.acquire(KEY)).toEqual(NOBODY);
    expect(await codeOf(a.store.create(KEY))).toBe("log-not-owned");
    await a.store.append(working, utf8("late\n"), { logId, expectedEnd: 0, durable: true });
    await a.store.release(working);
    expect(await b.store.acquire(working)).toEqual(HERE);
    expect(
      await b.store.append(working, utf8("next\n"), { logId, expectedEnd: 5, durable: true }),
    ).toBe(10);
  });

  it("is dead when it has been silent for its lease, whatever the clocks show", async () => {
    for (const skewMs of [0, -60_000, 60_000]) {
      const bucket = createMemoryObjectBucket();
      const a = start(bucket);
      const b = start(bucket, {}, skewMs);
      const { logId } = await a.store.create(KEY);
      await a.store.append(KEY, utf8("first\n"), { logId, expectedEnd: 0, durable: true });
      expect(await b.store.acquire(KEY)).toMatchObject({ kind: "elsewhere" });
      // it sleeps; time passes for the other one
      await pass(16_000, b);
      expect(await b.store.acquire(KEY)).toEqual(HERE);
      await b.store.append(KEY, utf8("second\n"), { logId, expectedEnd: 6, durable: true });
      // it wakes up, and wins nothing
      a.clock.advance(16_000);
      expect(a.store.owns(KEY)).toBe(false);
      const late = a.store.append(KEY, utf8("late\n"), { logId, expectedEnd: 6, durable: true });
      expect(["log-fenced", "log-not-owned"]).toContain(await codeOf(late));
      expect(await codeOf(a.store.setHead(KEY, logId, utf8("late")))).toBe("log-not-owned");
      expect(await codeOf(a.store.clearOpen(KEY, logId, "run-1"))).toBe("log-not-owned");
      expect(await a.store.acquire(KEY)).toMatchObject({ kind: "elsewhere" });
      expect(await textIn(b.store)).toBe("first\nsecond\n");
    }
  });

  it("loses nothing to a process whose clock is a minute ahead or behind, as long as it lives", async () => {
    for (const skewMs of [60_000, -60_000]) {
      const bucket = createMemoryObjectBucket();
      const a = start(bucket);
      const b = start(bucket, {}, skewMs);
      const { logId } = await a.store.create(KEY);
      await a.store.markOpen(KEY, logId, "run-1", "open");
      for (let i = 0; i < 40; i++) {
        expect(await b.store.acquire(KEY)).toMatchObject({ kind: "elsewhere" });
        expect(await codeOf(b.store.setHead(KEY, logId, utf8("theirs")))).toBe("log-not-owned");
        await pass(1_000, a, b);
      }
      await a.store.append(KEY, utf8("mine\n"), { logId, expectedEnd: 0, durable: true });
      expect(await textIn(b.store)).toBe("mine\n");
    }
  });

  it("is believed to be dead at once when its lease has lapsed for minutes", async () => {
    const bucket = createMemoryObjectBucket();
    const a = start(bucket);
    await a.store.create(KEY);
    const b = start(bucket, {}, 15_000 + 120_000);
    expect(await b.store.acquire(KEY)).toEqual(HERE);
  });

  it("goes on after a put of its predecessor that came late, without losing the session", async () => {
    const memory = createMemoryObjectBucket();
    const held: (() => void)[] = [];
    const slow: ObjectBucket = {
      ...memory,
      async putIfAbsent(key, bytes, options) {
        if (key.includes("/raw/")) await new Promise<void>((resolve) => held.push(resolve));
        return memory.putIfAbsent(key, bytes, options);
      },
    };
    const a = start(slow, { attemptMs: 3_600_000 });
    const b = start(memory);
    const { logId } = await a.store.create(KEY);
    const late = a.store.append(KEY, utf8("late\n"), { logId, expectedEnd: 0, durable: true });
    await waitFor(() => held.length === 1);
    await b.store.ownerOf(KEY);
    await pass(16_000, b);
    expect(await b.store.acquire(KEY)).toEqual(HERE);
    expect((await b.store.stat(KEY))?.end.raw).toBe(0);
    held[0]?.();
    a.clock.advance(16_000);
    expect(await late).toBe(5);
    // its own append meets the late one; then it knows of it, and has the session still
    const fenced = b.store.append(KEY, utf8("next\n"), { logId, expectedEnd: 0, durable: true });
    expect(await codeOf(fenced)).toBe("log-fenced");
    expect((await b.store.stat(KEY))?.end.raw).toBe(5);
    expect(
      await b.store.append(KEY, utf8("next\n"), { logId, expectedEnd: 5, durable: true }),
    ).toBe(10);
    expect(await textIn(a.store)).toBe("late\nnext\n");
    expect(await b.store.acquire(KEY)).toEqual(HERE);
  });
});
