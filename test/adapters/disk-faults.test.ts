import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createDiskLogStore, type DiskIo, nodeIo } from "../../adapters/disk/index.ts";
import type { FsyncPolicy } from "../../adapters/disk/index.ts";
import { hasCode, type RunlogErrorCode } from "../../src/ports/errors.ts";
import type { LogStore } from "../../src/ports/log-store.ts";

const KEY = { project: "p", session: "s" };
const bytes = (text: string) => new TextEncoder().encode(text);

/** What the device does next, instead of what was asked. Each is used up once. */
interface Fault {
  readonly call: keyof DiskIo;
  readonly act: (real: () => Promise<number>) => Promise<number>;
}

function errno(code: string): () => Promise<never> {
  return () => Promise.reject(Object.assign(new Error(code), { code }));
}

let dir: string;
let faults: Fault[];
let store: LogStore;
/** What happens to the next notes, and how many were written at once. */
const notes: { faults: DiskIo["writeNow"][]; now: number } = { faults: [], now: 0 };

/** The real calls, with faults put between. */
const io: DiskIo = {
  ...nodeIo,
  open: (path, flags) => faulty("open", () => nodeIo.open(path, flags)),
  writev: (fd, buffers, position) => faulty("writev", () => nodeIo.writev(fd, buffers, position)),
  writeNow: (fd, buffer, position) => {
    notes.now++;
    const fault = notes.faults.shift();
    return fault ? fault(fd, buffer, position) : nodeIo.writeNow(fd, buffer, position);
  },
  datasync: async (fd) => {
    await faulty("datasync", async () => {
      await nodeIo.datasync(fd);
      return 0;
    });
  },
};

function faulty(call: keyof DiskIo, real: () => Promise<number>): Promise<number> {
  const index = faults.findIndex((fault) => fault.call === call);
  if (index === -1) return real();
  return faults.splice(index, 1)[0]?.act(real) ?? real();
}

function openStore(fsync: FsyncPolicy = "interval"): void {
  store = createDiskLogStore({ dir, io, fsync });
}

async function expectCode(promise: Promise<unknown>, code: RunlogErrorCode): Promise<void> {
  const error = await promise.then(
    () => null,
    (reason: unknown) => reason,
  );
  expect(hasCode(error, code), `${String(error)} is not ${code}`).toBe(true);
}

async function rawFile(): Promise<string> {
  const logId = (await store.stat(KEY))?.logId ?? "";
  return readFile(join(dir, "projects", KEY.project, KEY.session, logId, "raw.jsonl"), "utf8");
}

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "runlog-faults-"));
  faults = [];
});

afterEach(async () => {
  faults = [];
  await store.close();
  await rm(dir, { recursive: true });
});

describe("a disk that fails", () => {
  it.each([
    ["ENOSPC", "store-full"],
    ["EDQUOT", "store-full"],
    ["EIO", "store-failed"],
    ["EROFS", "store-failed"],
  ] as const)(
    "says %s of a write as %s, and what it refused is nowhere",
    async (code, expected) => {
      openStore();
      const { logId } = await store.create(KEY);
      await store.append(KEY, bytes("one\n"), { logId, expectedEnd: 0 });
      faults.push({ call: "writev", act: errno(code) });
      await expectCode(store.append(KEY, bytes("two\n"), { logId, expectedEnd: 4 }), expected);
      expect((await store.stat(KEY))?.end.raw).toBe(4);
      await store.append(KEY, bytes("three\n"), { logId, expectedEnd: 4 });
      expect(await rawFile()).toBe("one\nthree\n");
    },
  );

  it("cuts a write that came to an end half-way back before it accepts more", async () => {
    openStore();
    const { logId } = await store.create(KEY);
    await store.append(KEY, bytes("one\n"), { logId, expectedEnd: 0 });
    faults.push({
      call: "writev",
      async act() {
        // half of it reaches the file, as on a disk that fills up
        const fd = await nodeIo.open(
          join(dir, "projects", KEY.project, KEY.session, logId, "raw.jsonl"),
          2,
        );
        await nodeIo.writev(fd, [bytes("tw")], 4);
        await nodeIo.close(fd);
        return 2;
      },
    });
    await expectCode(store.append(KEY, bytes("two\n"), { logId, expectedEnd: 4 }), "store-full");
    expect(await rawFile()).toBe("one\ntw");
    await store.append(KEY, bytes("3\n"), { logId, expectedEnd: 4 });
    expect(await rawFile()).toBe("one\n3\n");
  });

  it("fails the appends after a failed one with it, in order", async () => {
    openStore();
    const { logId } = await store.create(KEY);
    await store.append(KEY, bytes("0\n"), { logId, expectedEnd: 0 });
    faults.push({ call: "writev", act: errno("ENOSPC") });
    const results = await Promise.allSettled([
      store.append(KEY, bytes("1\n"), { logId, expectedEnd: 2 }),
      store.append(KEY, bytes("2\n"), { logId, expectedEnd: 4 }),
      store.append(KEY, bytes("3\n"), { logId, expectedEnd: 6 }),
    ]);
    expect(results.map(({ status }) => status)).toEqual(["rejected", "rejected", "rejected"]);
    expect(await store.append(KEY, bytes("4\n"), { logId, expectedEnd: 2 })).toBe(4);
    expect(await rawFile()).toBe("0\n4\n");
  });

  it("refuses an append whose sync failed, and takes its bytes back", async () => {
    openStore("always");
    const { logId } = await store.create(KEY);
    faults.push({ call: "datasync", act: errno("EIO") });
    await expectCode(store.append(KEY, bytes("one\n"), { logId, expectedEnd: 0 }), "store-failed");
    expect((await store.stat(KEY))?.end.raw).toBe(0);
    await store.append(KEY, bytes("two\n"), { logId, expectedEnd: 0 });
    expect(await rawFile()).toBe("two\n");
  });

  it("waits for the device at the end of a run under the policy `interval`", async () => {
    openStore("interval");
    const { logId } = await store.create(KEY);
    await store.append(KEY, bytes("one\n"), { logId, expectedEnd: 0 });
    faults.push({ call: "datasync", act: errno("EIO") });
    const options = { logId, expectedEnd: 4, durable: true };
    await expectCode(store.append(KEY, bytes("two\n"), options), "store-failed");
  });

  it("never asks the device under the policy `never`", async () => {
    openStore("never");
    const { logId } = await store.create(KEY);
    faults.push({ call: "datasync", act: errno("EIO") });
    await store.append(KEY, bytes("one\n"), { logId, expectedEnd: 0, durable: true });
    await store.close();
    expect(faults).toHaveLength(1);
  });

  it("is busy when descriptors run out, and works again when there are some", async () => {
    openStore();
    const { logId } = await store.create(KEY);
    faults.push({ call: "open", act: errno("EMFILE") });
    await expectCode(store.append(KEY, bytes("one\n"), { logId, expectedEnd: 0 }), "store-busy");
    expect(await store.append(KEY, bytes("two\n"), { logId, expectedEnd: 0 })).toBe(4);
  });

  it("does not fill a file with zeros that was cut off without its knowledge", async () => {
    openStore();
    const { logId } = await store.create(KEY);
    await store.append(KEY, bytes("one\ntwo\n"), { logId, expectedEnd: 0 });
    faults.push({ call: "writev", act: errno("EIO") });
    await expectCode(store.append(KEY, bytes("x\n"), { logId, expectedEnd: 8 }), "store-failed");
    const fd = await nodeIo.open(join(dir, "projects", "p", "s", logId, "raw.jsonl"), 2);
    await nodeIo.truncate(fd, 4);
    await nodeIo.close(fd);
    await expectCode(store.append(KEY, bytes("x\n"), { logId, expectedEnd: 8 }), "store-failed");
    expect(await rawFile()).toBe("one\n");
  });

  it.each([
    [
      "cannot be written",
      (): number => {
        throw Object.assign(new Error("ENOSPC"), { code: "ENOSPC" });
      },
    ],
    [
      "is written in part",
      (fd: number, record: Uint8Array, position: number): number =>
        nodeIo.writeNow(fd, record.subarray(0, 5), position),
    ],
  ])("stores neither an append nor its note that %s, and both the next time", async (_, fault) => {
    openStore();
    const { logId } = await store.create(KEY);
    const append = (text: string, expectedEnd: number): Promise<number> =>
      store.append(KEY, bytes(text), { logId, expectedEnd, note: { key: "run", text } });
    await append("one\n", 0);
    notes.faults.push(fault);
    await expectCode(append("two\n", 4), "store-full");
    expect(await rawFile()).toBe("one\n");
    expect((await store.stat(KEY))?.notes).toEqual([{ key: "run", text: "one\n", end: 4 }]);
    await append("more\n", 4);
    await store.close();
    openStore();
    expect((await store.stat(KEY))?.notes).toEqual([{ key: "run", text: "more\n", end: 9 }]);
    expect(await rawFile()).toBe("one\nmore\n");
  });

  it("leaves notes to the threads of the pool while the device makes their writer wait", async () => {
    openStore();
    const { logId } = await store.create(KEY);
    notes.faults.push((fd, record, position) => {
      for (const untilMs = performance.now() + 6; performance.now() < untilMs;);
      return nodeIo.writeNow(fd, record, position);
    });
    notes.now = 0;
    for (let at = 0; at < 3; at++)
      await store.append(KEY, bytes("x\n"), {
        logId,
        expectedEnd: 2 * at,
        note: { key: "run", text: String(at) },
      });
    expect(notes.now).toBe(1);
    await store.close();
    openStore();
    expect((await store.stat(KEY))?.notes).toEqual([{ key: "run", text: "2", end: 6 }]);
  });
});
