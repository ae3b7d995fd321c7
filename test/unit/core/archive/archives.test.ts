import { describe, expect, it } from "vitest";
import {
  createMemoryLogStore,
  createMemoryObjectBucket,
} from "../../../../adapters/memory/index.ts";
import { createArchives } from "../../../../src/core/archive/archives.ts";
import { createArchivingStore } from "../../../../src/core/archive/archiving-store.ts";
import { MEMBER_BYTES, SEGMENT_BYTES } from "../../../../src/core/archive/manifest.ts";
import { systemClock } from "../../../../src/entry/system-clock.ts";
import type { LogStat, LogStore } from "../../../../src/ports/log-store.ts";
import type { ObjectBucket } from "../../../../src/ports/object-bucket.ts";
import { concat, drain, firstDifference, lineOf } from "../../../contract/bytes.ts";
import { codeOf } from "../../../contract/outcome.ts";
import { createFastClock } from "../../../support/fast-clock.ts";
import { createFaultyBucket, type Fault } from "../../../support/faulty-bucket.ts";

const KEY = { project: "demo", session: "large" };
const MIB = 1024 * 1024;
/** A segment and a half. */
const LARGE = SEGMENT_BYTES + SEGMENT_BYTES / 2;

/** A call to a bucket, as far as these tests look at it. */
interface Call {
  readonly name: keyof ObjectBucket;
  readonly key: string;
  readonly bytes: number;
}

/** A bucket in memory that tells of its calls. */
function watchedBucket() {
  const bucket = createMemoryObjectBucket();
  const calls: Call[] = [];
  const watched: ObjectBucket = {
    ...bucket,
    get(key, options = {}) {
      calls.push({ name: "get", key, bytes: (options.end ?? 0) - (options.start ?? 0) });
      return bucket.get(key, options);
    },
    put(key, bytes, options) {
      calls.push({ name: "put", key, bytes: bytes.length });
      return bucket.put(key, bytes, options);
    },
    multipart(key, options) {
      calls.push({ name: "multipart", key, bytes: 0 });
      return bucket.multipart(key, options);
    },
  };
  return { bucket: watched, calls };
}

/** Appends lines of 1 MiB; noise is what no packer makes smaller. */
async function write(store: LogStore, bytes: number, isNoise = false): Promise<LogStat> {
  const { logId } = await store.create(KEY);
  const line = new Uint8Array(MIB);
  for (let left = bytes; left > 0; left -= line.length) {
    for (let at = 0; at < MIB; at += 65_536) {
      const part = line.subarray(at, at + 65_536);
      if (isNoise) crypto.getRandomValues(part);
      else part.fill(32 + (left % 89)).set([at & 255, left & 127]);
    }
    line[MIB - 1] = 10;
    const expectedEnd = (await store.stat(KEY))?.end.raw ?? 0;
    await store.append(KEY, line, { logId, expectedEnd });
  }
  const stat = await store.stat(KEY);
  if (!stat) throw new Error("It was just written");
  return stat;
}

const segmentsIn = (calls: readonly Call[]): string[] =>
  calls.filter(({ key, name }) => key.endsWith(".gz") && name !== "get").map(({ key }) => key);

describe("an archive", () => {
  it("fetches only the members that hold what is read", async () => {
    const store = createMemoryLogStore();
    const stat = await write(store, LARGE);
    const { bucket, calls } = watchedBucket();
    const archives = createArchives({ bucket, clock: systemClock });
    const manifest = await archives.write(store, KEY, stat);
    expect(manifest.logs.raw.segments.map(({ members }) => members.length)).toEqual([16, 8]);
    for (const [start, end, members] of [
      [stat.end.raw - 10, stat.end.raw, 1],
      [MEMBER_BYTES - 1, MEMBER_BYTES + 1, 2],
      [SEGMENT_BYTES - 5, SEGMENT_BYTES + 5, 2],
      [SEGMENT_BYTES, SEGMENT_BYTES + MEMBER_BYTES, 1],
    ] as const) {
      calls.length = 0;
      const { signal } = new AbortController();
      const pieces: Uint8Array[] = [];
      for await (const piece of archives.read(manifest, { log: "raw", start, end, signal }))
        pieces.push(piece);
      const range = { logId: stat.logId, start, end };
      expect(firstDifference(concat(pieces), await drain(store.read(KEY, range)))).toBe(-1);
      expect(calls).toHaveLength(members);
      for (const { bytes } of calls) expect(bytes).toBeLessThan(MEMBER_BYTES + 64 * 1024);
    }
  });

  it("is resumed where it broke off: finished objects are not written again", async () => {
    const store = createMemoryLogStore();
    const stat = await write(store, LARGE);
    const { bucket, calls } = watchedBucket();
    const broken = createArchives({
      bucket: {
        ...bucket,
        async put(key, bytes, options) {
          const isSecond = key.endsWith(".gz") && segmentsIn(calls).length === 1;
          if (isSecond) throw new TypeError("broken off");
          await bucket.put(key, bytes, options);
        },
      },
      clock: systemClock,
    });
    await expect(broken.write(store, KEY, stat)).rejects.toThrow("broken off");
    expect(await createArchives({ bucket, clock: systemClock }).find(KEY)).toBeNull();
    const [first] = segmentsIn(calls);
    calls.length = 0;
    const archives = createArchives({ bucket, clock: systemClock });
    await archives.write(store, KEY, stat);
    expect(segmentsIn(calls)).toHaveLength(1);
    expect(segmentsIn(calls)).not.toContain(first);
    const { objects } = await bucket.list({ prefix: "" });
    expect(objects.map(({ key }) => key.replace(/^.*\//, ""))).toEqual([
      `demo!large!${stat.logId}.json`,
      expect.stringMatching(/^0{16}-\d{16}\.gz$/),
      expect.stringMatching(/^\d{16}-\d{16}\.gz$/),
    ]);
  });

  it("is brought up to date by its last object alone when the log has grown", async () => {
    const store = createMemoryLogStore();
    const { bucket, calls } = watchedBucket();
    const archives = createArchives({ bucket, clock: systemClock });
    await archives.write(store, KEY, await write(store, SEGMENT_BYTES + MIB));
    calls.length = 0;
    const stat = await write(store, MIB);
    const manifest = await archives.write(store, KEY, stat);
    expect(segmentsIn(calls)).toHaveLength(1);
    await archives.verify(manifest);
    const { objects } = await bucket.list({ prefix: "sessions/" });
    expect(objects).toHaveLength(2);
  });

  it("of what gzip makes no smaller goes up in parts", async () => {
    const store = createMemoryLogStore();
    const stat = await write(store, 20 * MIB, true);
    const { bucket, calls } = watchedBucket();
    const archives = createArchives({ bucket, clock: systemClock });
    const manifest = await archives.write(store, KEY, stat);
    expect(calls.filter(({ name }) => name === "multipart")).toHaveLength(1);
    const { signal } = new AbortController();
    const pieces: Uint8Array[] = [];
    const range = { log: "raw", start: 0, end: stat.end.raw, signal } as const;
    for await (const piece of archives.read(manifest, range)) pieces.push(piece);
    const expected = await drain(store.read(KEY, { logId: stat.logId }));
    expect(firstDifference(concat(pieces), expected)).toBe(-1);
  });

  it("finds damage, and is made anew by the next archiving", async () => {
    const store = createMemoryLogStore();
    const stat = await write(store, MIB, true);
    const { bucket } = watchedBucket();
    const archives = createArchives({ bucket, clock: systemClock });
    const manifest = await archives.write(store, KEY, stat);
    const [segment] = (await bucket.list({ prefix: "sessions/" })).objects;
    const found = await bucket.get(segment?.key ?? "");
    if (!found || !segment) throw new Error("It was just written");
    const bytes = await drain(found.bytes as ReadableStream<Uint8Array<ArrayBuffer>>);
    for (const change of [bytes.length >> 1, 3, bytes.length - 1]) {
      const other = bytes.slice();
      other[change] = (other[change] ?? 0) ^ 0x10;
      await bucket.put(segment.key, other);
      expect(await codeOf(archives.verify(manifest))).toBe("archive-damaged");
    }
    await bucket.put(segment.key, bytes.subarray(0, -1));
    expect(await codeOf(archives.verify(manifest))).toBe("archive-damaged");
    await archives.verify(await archives.write(store, KEY, stat));
  });

  it("of a bucket that fails now and then is whole, and so is what is restored from it", async () => {
    const faults: readonly Fault[] = ["busy", "lost", "landed", "reset"];
    const inner = createMemoryLogStore();
    const stat = await write(inner, 3 * MIB, true);
    const expected = await drain(inner.read(KEY, { logId: stat.logId }));
    let count = 0;
    const bucket = createFaultyBucket(createMemoryObjectBucket(), () =>
      ++count % 3 === 0 ? (faults[Math.floor(count / 3) % faults.length] ?? "none") : "none",
    );
    const archives = createArchives({ bucket, clock: createFastClock() });
    const store = createArchivingStore({ legacy: null, store: inner, archives });
    for (let round = 0; round < 5; round++) {
      await store.archive(KEY, { deleteLocal: true });
      expect((await inner.stat(KEY))?.end.raw).toBe(0);
      const got = await drain(store.read(KEY, { logId: stat.logId }));
      expect(firstDifference(got, expected)).toBe(-1);
      expect(await store.restore(KEY)).toEqual(stat);
      await archives.remove(KEY);
    }
  });

  it("is not taken for another session's, nor for one of another version", async () => {
    const { bucket } = watchedBucket();
    const store = createMemoryLogStore();
    const archives = createArchives({ bucket, clock: systemClock });
    const { logId } = await archives.write(store, KEY, await write(store, MIB));
    const key = `manifests/demo!large!${logId}.json`;
    const found = await bucket.get(key);
    if (!found) throw new Error("It was just written");
    const text = new TextDecoder().decode(
      await drain(found.bytes as ReadableStream<Uint8Array<ArrayBuffer>>),
    );
    const findAfter = async (manifest: string) => {
      await bucket.put(key, new TextEncoder().encode(manifest));
      return codeOf(createArchives({ bucket, clock: systemClock }).find(KEY));
    };
    expect(await findAfter(text.replace('"large"', '"other"'))).toBe("archive-damaged");
    expect(await findAfter(text.replace('"format":1', '"format":2'))).toBe("store-format");
    expect(await findAfter(text.slice(0, 40))).toBe("archive-damaged");
    expect(await findAfter(text.replace(/"members":\[\d+/, '"members":[99999999999'))).toBe(
      "archive-damaged",
    );
    expect(await findAfter(text)).toBe("resolved");
    // a damaged one does not keep the session from being archived anew
    await findAfter("no manifest");
    const stat = await store.stat(KEY);
    const again = createArchives({ bucket, clock: systemClock });
    if (stat) await again.verify(await again.write(store, KEY, stat));
  });
});

describe("a store that archives", () => {
  it("keeps the bytes when the session changes before they are released", async () => {
    const inner = createMemoryLogStore();
    const { logId, end } = await write(inner, MIB);
    const archives = createArchives({ bucket: createMemoryObjectBucket(), clock: systemClock });
    const line = lineOf(100);
    let at = end.raw;
    const store = createArchivingStore({
      legacy: null,
      store: inner,
      archives: {
        ...archives,
        async write(...args) {
          const manifest = await archives.write(...args);
          at = await store.append(KEY, line, { logId, expectedEnd: at });
          return manifest;
        },
      },
    });
    expect(await codeOf(store.archive(KEY, { deleteLocal: true }))).toBe("session-conflict");
    expect((await inner.stat(KEY))?.end.raw).toBe(at);
  });

  it("says that no archive is configured when a stub is all that it has", async () => {
    const inner = createMemoryLogStore();
    const { logId } = await write(inner, MIB);
    const archives = createArchives({ bucket: createMemoryObjectBucket(), clock: systemClock });
    await createArchivingStore({ legacy: null, store: inner, archives }).archive(KEY, {
      deleteLocal: true,
    });
    const store = createArchivingStore({ legacy: null, store: inner, archives: null });
    expect((await store.stat(KEY))?.end.raw).toBe(MIB);
    const refused = "archive-not-configured";
    expect(await codeOf(drain(store.read(KEY, { logId })))).toBe(refused);
    expect(await codeOf(store.markOpen(KEY, logId, "r", ""))).toBe(refused);
    expect(await codeOf(store.setHead(KEY, logId, new Uint8Array(1)))).toBe(refused);
    expect(await codeOf(store.delete(KEY))).toBe(refused);
    const append = { logId, expectedEnd: MIB };
    expect(await codeOf(store.append(KEY, lineOf(5), append))).toBe(refused);
  });

  it("finds its archive again when a restoring broke off with the machine", async () => {
    const inner = createMemoryLogStore();
    const stat = await write(inner, 2 * MIB);
    const expected = await drain(inner.read(KEY, { logId: stat.logId }));
    const archives = createArchives({ bucket: createMemoryObjectBucket(), clock: systemClock });
    const store = createArchivingStore({ legacy: null, store: inner, archives });
    await store.archive(KEY, { deleteLocal: true });
    const stub = await inner.stat(KEY);
    // what a store makes of a log that was being written then: some of its bytes, and another id
    await inner.delete(KEY);
    const { logId } = await inner.create(KEY, { head: stub?.head ?? null });
    await inner.append(KEY, lineOf(50), { logId, expectedEnd: 0 });
    expect(await store.stat(KEY)).toEqual({ ...stat, createdAtMs: expect.any(Number) as number });
    const { logId: archived } = stat;
    expect(firstDifference(await drain(store.read(KEY, { logId: archived })), expected)).toBe(-1);
    await store.markOpen(KEY, archived, "r", "");
    expect(await store.stat(KEY)).toEqual(stat);
    expect(firstDifference(await drain(inner.read(KEY, { logId: archived })), expected)).toBe(-1);
  });

  it("ends an archiving when its session is deleted, and leaves nothing of it", async () => {
    const bucket = createMemoryObjectBucket();
    const archives = createArchives({ bucket, clock: systemClock });
    const store = createArchivingStore({ legacy: null, store: createMemoryLogStore(), archives });
    await write(store, 8 * MIB);
    let begun = (): void => {};
    const isBegun = new Promise<void>((resolve) => (begun = resolve));
    const archiving = codeOf(store.archive(KEY, { onProgress: () => begun() }));
    await isBegun;
    expect(await store.delete(KEY)).toBe(true);
    expect(await archiving).toMatch(/^(session-conflict|log-not-found|resolved)$/);
    expect((await bucket.list({ prefix: "" })).objects).toEqual([]);
    expect(await store.stat(KEY)).toBeNull();
  });
});
