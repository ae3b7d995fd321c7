import { mkdir, readdir, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as fc from "fast-check";
import { describe, expect, it, onTestFinished } from "vitest";
import { createDiskSpool } from "../../adapters/disk/index.ts";
import type { RelaySpool, SpoolLog, SpoolLogInfo } from "../../src/ports/relay-spool.ts";
import { createMemorySpool } from "../../src/relay/index.ts";
import { createTempDir } from "../support/temp-dir.ts";

const INFO: SpoolLogInfo = { kind: "run", id: "r/1\n", threadId: null, tag: "abcd1234" };
const FILE_BYTES = 64;

async function freshDir(): Promise<string> {
  const dir = await createTempDir();
  onTestFinished(() => dir.remove());
  return dir.path;
}

type Step =
  | { readonly do: "append"; readonly bytes: Uint8Array }
  | { readonly do: "drop"; readonly at: number }
  | { readonly do: "read"; readonly at: number; readonly max: number }
  | { readonly do: "reopen" | "end" };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant("append" as const),
      bytes: fc.uint8Array({ maxLength: 200 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("drop" as const), at: fc.nat() }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant("read" as const),
      at: fc.nat(),
      max: fc.integer({ min: 1, max: 300 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom("reopen" as const, "end" as const) }) },
);

/** Runs the steps beside a plain array that holds everything that was ever appended. */
async function followsModel(
  log: SpoolLog,
  steps: readonly Step[],
  reopen: () => Promise<SpoolLog>,
): Promise<void> {
  const all: number[] = [];
  let current = log;
  for (const each of steps) {
    if (each.do === "append" && current.endedAtMs === null) {
      await current.append(each.bytes);
      all.push(...each.bytes);
    } else if (each.do === "drop") {
      const at = each.at % (all.length + 1);
      const before = current.start;
      await current.drop(at);
      expect(current.start).toBeGreaterThanOrEqual(before);
      expect(current.start).toBeLessThanOrEqual(Math.max(before, at));
    } else if (each.do === "read") {
      if (current.start === all.length) continue;
      const at = current.start + (each.at % (all.length - current.start));
      const bytes = await current.read(at, each.max);
      expect(bytes.length).toBeGreaterThan(0);
      expect(bytes.length).toBeLessThanOrEqual(each.max);
      expect([...bytes]).toEqual(all.slice(at, at + bytes.length));
    } else if (each.do === "end") await current.markEnded(17);
    else if (each.do === "reopen") {
      const { start, endedAtMs } = current;
      current = await reopen();
      expect(current).toMatchObject({ info: INFO, start, endedAtMs });
    }
    expect(current.end).toBe(all.length);
  }
}

it("a log in memory is what was appended, from its start on", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const log = await createMemorySpool().create(INFO);
      await followsModel(log, steps, async () => log);
    }),
  );
});

it("a log on disk is what was appended, from its start on, whoever opens it", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const temp = await createTempDir();
      const options = { dir: temp.path, fileBytes: FILE_BYTES };
      let spool = await createDiskSpool(options);
      try {
        await followsModel(await spool.create(INFO), steps, async () => {
          await spool.close();
          spool = await createDiskSpool(options);
          const [log, ...more] = await spool.recover();
          if (!log || more.length > 0) throw new Error("not one log");
          return log;
        });
      } finally {
        await spool.close();
        await temp.remove();
      }
    }),
    { numRuns: 50 },
  );
});

describe("a spool on disk", () => {
  async function open(dir: string): Promise<RelaySpool> {
    const spool = await createDiskSpool({ dir, fileBytes: FILE_BYTES });
    onTestFinished(() => spool.close());
    return spool;
  }

  it("belongs to one process", async () => {
    const dir = await freshDir();
    await open(dir);
    await expect(createDiskSpool({ dir })).rejects.toMatchObject({ code: "store-locked" });
  });

  it("refuses the directory of a server and another version", async () => {
    const dir = await freshDir();
    await writeFile(join(dir, "runlog.json"), "{}");
    await expect(createDiskSpool({ dir })).rejects.toMatchObject({ code: "store-format" });
    const other = await freshDir();
    await writeFile(join(other, "spool.json"), '{"format":2}');
    await expect(createDiskSpool({ dir: other })).rejects.toMatchObject({ code: "store-format" });
  });

  it("removes what was not made whole, or was being removed", async () => {
    const dir = await freshDir();
    await mkdir(join(dir, "logs", "0000000007"), { recursive: true });
    await writeFile(join(dir, "logs", "0000000007", "0000000000000000"), "data");
    await mkdir(join(dir, "logs", "0000000008"));
    await writeFile(join(dir, "logs", "0000000008", "info.json"), '{"kind":"other"}');
    const spool = await open(dir);
    expect(await spool.recover()).toEqual([]);
    expect(await readdir(join(dir, "logs"))).toEqual([]);
  });

  it("goes on after a file whose end was lost with what came after it", async () => {
    const dir = await freshDir();
    const first = await createDiskSpool({ dir, fileBytes: FILE_BYTES });
    const log = await first.create(INFO);
    for (let count = 0; count < 3; count++)
      await log.append(new Uint8Array(FILE_BYTES).fill(count));
    await first.close();
    await truncate(join(dir, "logs", "0000000001", "0000000000000064"), 3);
    const [found] = await (await open(dir)).recover();
    expect(found).toMatchObject({ start: 128, end: 192 });
    expect(await found?.read(128, 1)).toEqual(Uint8Array.of(2));
  });

  it("writes over what a failed append has left", async () => {
    const dir = await freshDir();
    const spool = await open(dir);
    const log = await spool.create(INFO);
    await log.append(Uint8Array.of(1));
    await writeFile(join(dir, "logs", "0000000001", "0000000000000000"), Uint8Array.of(1, 9, 9, 9));
    await log.append(Uint8Array.of(2, 3));
    expect([...(await log.read(0, 10))]).toEqual([1, 2, 3]);
  });

  it("forgets a log that was removed, whoever still appends to it", async () => {
    const dir = await freshDir();
    const spool = await open(dir);
    const log = await spool.create(INFO);
    await log.append(Uint8Array.of(1));
    await log.remove();
    await expect(log.append(Uint8Array.of(2))).rejects.toMatchObject({ code: "store-failed" });
    expect(await readdir(join(dir, "logs"))).toEqual([]);
    await rm(join(dir, "logs"), { recursive: true });
    await expect(spool.create(INFO)).rejects.toMatchObject({ code: "store-failed" });
  });
});
