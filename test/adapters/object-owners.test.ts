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

/** The bucket, with calls that wait for `open` to be called: those of this name, for keys with this part. */
function gated(
  bucket: ObjectBucket,
  name: "list" | "put" | "putIfAbsent",
  part: string,
): { readonly bucket: ObjectBucket; readonly waiting: () => number; open(): void } {
  const waiting: (() => void)[] = [];
  let isOpen = false;
  const call = bucket[name] as (...args: unknown[]) => Promise<unknown>;
  const slow = async (...args: unknown[]): Promise<unknown> => {
    const [first] = args;
    const key = typeof first === "string" ? first : (first as { prefix: string }).prefix;
    if (!isOpen && key.includes(part)) await new Promise<void>((resolve) => waiting.push(resolve));
    return call(...args);
  };
  return {
    bucket: { ...bucket, [name]: slow },
    waiting: () => waiting.length,
    open() {
      isOpen = true;
      for (const go of waiting.splice(0)) go();
    },
  };
}

/** Appends lines, each in an object of its own. Resolves with the end. */
async function appendEach(store: LogStore, lines: readonly string[]): Promise<number> {
  const { logId, end } = await store.create(KEY);
  let expectedEnd = end.raw;
  for (const line of lines)
    expectedEnd = await store.append(KEY, utf8(line), { logId, expectedEnd, durable: true });
  return expectedEnd;
}

const TEN = Array.from({ length: 10 }, (_, i) => `line ${i}\n`);

describe("a process that only slept", () => {
  it("finds its place taken although the one that took the session over wrote nothing, and handed it on", async () => {
    const memory = createMemoryObjectBucket();
    const gate = gated(memory, "putIfAbsent", "/raw/");
    const a = start(gate.bucket, { attemptMs: 3_600_000 });
    const [b, c] = [start(memory), start(memory, { garbageMs: 1_000 })];
    const { logId } = await a.store.create(KEY);
    const late = a.store.append(KEY, utf8("late\n"), { logId, expectedEnd: 0, durable: true });
    await waitFor(() => gate.waiting() === 1);
    await b.store.ownerOf(KEY);
    await pass(16_000, b);
    expect(await b.store.acquire(KEY)).toEqual(HERE);
    await b.store.release(KEY);
    // by the end of the last one they are merged, and the small ones deleted soon after
    const end = await appendEach(c.store, TEN);
    await pass(5_000, c);
    gate.open();
    expect(await codeOf(late)).toBe("log-fenced");
    expect(await textIn(b.store)).toBe(TEN.join(""));
    expect((await c.store.stat(KEY))?.end.raw).toBe(end);
  });

  it("finds its place taken also where the one that took the session over ended in order", async () => {
    const memory = createMemoryObjectBucket();
    const gate = gated(memory, "putIfAbsent", "/raw/");
    const a = start(gate.bucket, { attemptMs: 3_600_000 });
    const [b, c] = [start(memory), start(memory, { garbageMs: 1_000 })];
    const { logId } = await a.store.create(KEY);
    const late = a.store.append(KEY, utf8("late\n"), { logId, expectedEnd: 0, durable: true });
    await waitFor(() => gate.waiting() === 1);
    await b.store.ownerOf(KEY);
    await pass(16_000, b);
    expect(await b.store.acquire(KEY)).toEqual(HERE);
    await b.store.close();
    await appendEach(c.store, TEN);
    await pass(5_000, c);
    gate.open();
    expect(await codeOf(late)).toBe("log-fenced");
    expect(await textIn(c.store)).toBe(TEN.join(""));
  });

  it("makes no second log beside the one that was made meanwhile", async () => {
    const memory = createMemoryObjectBucket();
    const gate = gated(memory, "put", "lives/");
    const a = start(gate.bucket, { attemptMs: 3_600_000 });
    // for a clock that is ahead the lease is over before it is for its owner
    const b = start(memory, {}, 10_000);
    const made = a.store.create(KEY);
    await waitFor(() => gate.waiting() === 1);
    await b.store.ownerOf(KEY);
    await pass(7_000, b);
    const there = await b.store.create(KEY);
    gate.open();
    expect((await made).logId).toBe(there.logId);
    expect(a.store.owns(KEY)).toBe(false);
  });

  it("may have gone on: who took it for dead appends after that, not in its place", async () => {
    const bucket = createMemoryObjectBucket();
    const a = start(bucket, { garbageMs: 1_000 });
    const b = start(bucket, {}, 10_000);
    await appendEach(a.store, ["first\n"]);
    await b.store.ownerOf(KEY);
    await pass(7_000, b);
    expect(await b.store.acquire(KEY)).toEqual(HERE);
    const known = await b.store.stat(KEY);
    expect(known?.end.raw).toBe(6);
    await appendEach(a.store, TEN);
    await pass(5_000, a);
    const logId = known?.logId ?? "";
    const doubled = b.store.append(KEY, utf8("mine\n"), { logId, expectedEnd: 6, durable: true });
    expect(await codeOf(doubled)).toBe("log-fenced");
    await appendEach(b.store, ["mine\n"]);
    expect(await textIn(b.store)).toBe(`first\n${TEN.join("")}mine\n`);
    const { end } = await a.store.create(KEY);
    const late = a.store.append(KEY, utf8("x\n"), { logId, expectedEnd: end.raw, durable: true });
    expect(["log-fenced", "log-not-owned"]).toContain(await codeOf(late));
  });
});

describe("the search for orphaned runs", () => {
  const orphaned = async ({ store }: Process): Promise<string[]> => {
    const found: string[] = [];
    for await (const { runId } of store.openRuns(undefined, { leaveOutHeld: true }))
      found.push(runId);
    return found;
  };

  it("costs a listing, and a look at each living owner, however many runs they have", async () => {
    const memory = createMemoryObjectBucket();
    const calls: string[] = [];
    const counted: ObjectBucket = {
      ...memory,
      get: (key, options) => (calls.push(`get ${key}`), memory.get(key, options)),
      head: (key, options) => (calls.push(`head ${key}`), memory.head(key, options)),
      list: (options) => (calls.push(`list ${options.prefix}`), memory.list(options)),
    };
    const a = start(memory);
    const b = start(counted);
    for (let i = 0; i < 50; i++) {
      const key = { ...KEY, session: `s${i}` };
      const { logId } = await a.store.create(key);
      await a.store.markOpen(key, logId, `run-${i}`, "open");
    }
    expect(await orphaned(b)).toEqual([]);
    calls.length = 0;
    expect(await orphaned(b)).toEqual([]);
    expect(calls.map((call) => call.replace(/[0-9a-f]{16}/, "…"))).toEqual([
      "list marks/",
      "head owners/…",
    ]);
  });

  it("finds those of a process that is silent for its lease, and those of one that leaves at once", async () => {
    for (const how of ["sleeps", "leaves"]) {
      const bucket = createMemoryObjectBucket();
      const [a, b] = [start(bucket), start(bucket)];
      const { logId } = await a.store.create(KEY);
      await a.store.markOpen(KEY, logId, "run-1", "open");
      expect(await orphaned(b)).toEqual([]);
      if (how === "leaves") await a.store.leave();
      else await pass(16_000, b);
      expect(await orphaned(b)).toEqual(["run-1"]);
    }
  });

  it("gives each run out now and then, since its owner may have lost it unseen", async () => {
    const bucket = createMemoryObjectBucket();
    const [a, b] = [start(bucket), start(bucket)];
    const { logId } = await a.store.create(KEY);
    await a.store.markOpen(KEY, logId, "run-1", "open");
    let given = 0;
    for (let minute = 0; minute < 10; minute++) {
      given += (await orphaned(b)).length;
      await pass(60_000, a, b);
    }
    expect(given).toBeGreaterThanOrEqual(1);
    expect(given).toBeLessThanOrEqual(5);
  });
});
