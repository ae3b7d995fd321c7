import { createHash } from "node:crypto";
import { copyFile, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as moment } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { createDiskLogReader, createDiskLogStore } from "../../adapters/disk/index.ts";
import { createFileBucket } from "../../adapters/file-bucket/index.ts";
import { generateLog } from "../../scripts/bench/generate-log.ts";
import { createRandom } from "../../scripts/bench/random.ts";
import { createArchivedReader } from "../../src/core/archive/archived-reader.ts";
import { type Archives, createArchives } from "../../src/core/archive/archives.ts";
import { createArchivingStore } from "../../src/core/archive/archiving-store.ts";
import { systemClock as clock } from "../../src/entry/system-clock.ts";
import { createLogId } from "../../src/ports/log-id.ts";
import type { LogReader } from "../../src/ports/log-store.ts";
import { freshDir, startCli } from "../support/server-process.ts";

const MEGABYTES = 50;
/** All of them with `npm run test:crash`: each takes some seconds. */
const isLong = process.env["CRASH_CYCLES"] !== undefined;
const KILLS = isLong ? 20 : 3;
const RESTORE_KILLS = isLong ? 6 : 2;
const KEY = { project: "demo", session: "large" };
const NAME = "demo/large";

describe("a session that is archived and evicted, killed at random moments", () => {
  it("is whole in the store or whole in the archive after every kill, and is archived in the end", async () => {
    const place = await freshSession();
    const random = freshRandom("archive");
    // the first one is let through, and tells how long they take
    const tookMs = await run(place, ["archive", NAME, "--delete-local"], null);
    expect(await findSession(place)).toBe("in the archive");
    await bringBack(place);
    for (let kill = 0; kill < KILLS; kill++) {
      await run(place, ["archive", NAME, "--delete-local"], random.integer(Math.ceil(tookMs)));
      if ((await findSession(place)) === "in the archive") await bringBack(place);
      // every other one finds what was left, the rest begin anew
      if (kill % 2 === 1) await place.archives.remove(KEY);
    }
    await run(place, ["archive", NAME, "--delete-local"], null);
    expect(await findSession(place)).toBe("in the archive");
  });

  it("is whole in the archive however often its restoring is killed, and is here in the end", async () => {
    const place = await freshSession();
    const random = freshRandom("restore");
    await run(place, ["archive", NAME, "--delete-local"], null);
    const tookMs = await run(place, ["restore", NAME], null);
    for (let kill = 0; kill < RESTORE_KILLS; kill++) {
      await run(place, ["archive", NAME, "--delete-local"], null);
      await run(place, ["restore", NAME], random.integer(Math.ceil(tookMs)));
      await findSession(place);
    }
    await run(place, ["restore", NAME], null);
    expect(await findSession(place)).toBe("in the store");
  });
});

interface Place {
  readonly dir: string;
  readonly env: Record<string, string>;
  readonly archives: Archives;
  readonly logId: string;
  readonly sha256: string;
}

/** A store with one large session that nobody has open, and a place for its archive. */
async function freshSession(): Promise<Place> {
  const dir = await freshDir();
  const log = await generateLog(MEGABYTES);
  const data = join(dir, "data");
  const logId = createLogId(Date.now());
  const logDir = join(data, "projects", KEY.project, KEY.session, logId);
  await mkdir(logDir, { recursive: true });
  await copyFile(log.path, join(logDir, "raw.jsonl"));
  await writeFile(join(data, "runlog.json"), '{"format":1}\n');
  const bucket = createFileBucket({ dir: join(dir, "archive") });
  return {
    dir: data,
    env: { STORAGE_URL: `file:${data}`, RUNLOG_ARCHIVE_URL: `file:${join(dir, "archive")}` },
    archives: createArchives({ bucket, clock }),
    logId,
    sha256: createHash("sha256")
      .update(await readFile(log.path))
      .digest("hex"),
  };
}

function freshRandom(name: string) {
  const seed = Math.trunc(Math.random() * 2 ** 32);
  console.info(`archive-kill.test.ts: ${name}: seed ${seed}`);
  return createRandom(seed);
}

/** Runs a command to its end, or kills it after `killAfterMs`. Resolves with how long it took. */
async function run(
  { env }: Place,
  args: readonly string[],
  killAfterMs: number | null,
): Promise<number> {
  const startedAtMs = performance.now();
  const cli = startCli({ env, args });
  if (killAfterMs !== null) {
    await Promise.race([moment(killAfterMs), cli.exited]);
    cli.kill("SIGKILL");
  }
  const { code, signal } = await cli.exited;
  if (signal !== "SIGKILL" || killAfterMs === null)
    expect({ code, stderr: cli.stderr() }).toEqual({ code: 0, stderr: "" });
  return performance.now() - startedAtMs;
}

/** Expects the session whole, under its id, and says where it is. */
async function findSession({ dir, archives, logId, sha256 }: Place): Promise<string> {
  const stored = createDiskLogReader({ dir });
  const reader = createArchivedReader(stored, archives, stored);
  const stat = await reader.stat(KEY);
  const manifest = await archives.find(KEY);
  if (stat) {
    expect(stat.logId).toBe(logId);
    expect(await digestOf(reader, logId)).toBe(sha256);
  } else {
    // between the two steps by which a stub takes the session's place
    expect(manifest).not.toBeNull();
  }
  if (manifest) {
    await archives.verify(manifest);
    expect(manifest.logs.raw.sha256).toBe(sha256);
  }
  const isHere = stat && (await stored.stat(KEY))?.end.raw === stat.end.raw;
  return isHere ? "in the store" : "in the archive";
}

async function digestOf(reader: LogReader, logId: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of reader.read(KEY, { logId })) hash.update(chunk);
  return hash.digest("hex");
}

/** Restores the session, as the next start of a server and a run would. */
async function bringBack({ dir, archives }: Place): Promise<void> {
  const store = createArchivingStore({
    legacy: null,
    store: createDiskLogStore({ dir }),
    archives,
  });
  await store.makeMissingStubs();
  await store.restore(KEY);
  await store.close();
}
