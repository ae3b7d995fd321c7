import { execFileSync } from "node:child_process";
import { closeSync, openSync, statfsSync, writeSync } from "node:fs";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import {
  expectProblem,
  finishedEvent,
  runBody,
  startedEvent,
  tell,
} from "../contract/session-routes/harness.ts";
import { ProjectClient } from "../contract/session-routes/project-client.ts";
import { loopDevice, mount } from "../support/loop-device.ts";
import {
  freshDir,
  freshRunner,
  harnessOf,
  runCli,
  sessionOf,
  startServer,
} from "../support/server-process.ts";

const MIB = 1024 * 1024;
const TIMEOUT_MS = 300_000;
/** More bytes than a block has: deleting one of these sessions makes room. */
const EVENTS = Array.from({ length: 20 }, (_, i) =>
  JSON.stringify({ type: "CUSTOM", name: `n${i}`, value: "x".repeat(1_000) }),
);

/** A file system with few blocks and few inodes, of which none are kept for root. */
async function smallDisk(): Promise<string> {
  const dir = await freshDir();
  const disk = join(dir, "disk");
  await mkdir(disk);
  loopDevice(join(dir, "image"), 16 * MIB, ["mkfs.ext4", "-q", "-F", "-m", "0", "-N", "256"]);
  mount(join(dir, "image"), disk);
  return disk;
}

/** Leaves not a block of it. */
function takeBlocks(disk: string): void {
  const file = openSync(join(disk, "ballast"), "w");
  try {
    for (const bytes of [65_536, 1_024])
      for (;;) {
        try {
          writeSync(file, new Uint8Array(bytes).fill(1));
        } catch {
          break;
        }
      }
  } finally {
    closeSync(file);
  }
  execFileSync("sync", ["-f", disk]);
}

/** Leaves not an inode of it. */
async function takeInodes(disk: string): Promise<void> {
  await mkdir(join(disk, "ballast"));
  for (let i = 0; statfsSync(disk).ffree > 0; i++)
    await writeFile(join(disk, "ballast", `${i}`), "");
}

it.each<[string, (disk: string) => void | Promise<void>]>([
  ["block", takeBlocks],
  ["inode", takeInodes],
])(
  "a disk without a %s left is not ready, takes no run, keeps no session of one, and can be emptied",
  async (_, take) => {
    const disk = await smallDisk();
    const runner = await freshRunner();
    const env = { STORAGE_URL: `file:${disk}/store`, RUNNER_URL: runner.address };
    const server = await startServer({ env });
    for (const name of ["s1", "s2", "s3"]) {
      runner.script((exchange) => tell(exchange, [startedEvent(), ...EVENTS, finishedEvent()]));
      const session = sessionOf(server, runner, name);
      await session.run();
      await session.settled();
    }
    expect((await server.fetch("/ready")).status).toBe(200);
    await take(disk);
    const ready = (status: number) =>
      expect
        .poll(async () => (await server.fetch("/ready")).status, { timeout: 30_000 })
        .toBe(status);
    await ready(503);

    const project = new ProjectClient(harnessOf(server, runner));
    const refused = await sessionOf(server, runner, "refused").post("/agui/run", runBody());
    await expectProblem(refused, 503, "Event log is not writable");
    expect((await project.names()).sort()).toEqual(["s1", "s2", "s3"]);
    expect((await project.send("DELETE", "s1")).status).toBe(204);
    expect((await project.names()).sort()).toEqual(["s2", "s3"]);
    // what was deleted is room
    await ready(200);
    runner.script((exchange) => tell(exchange, [startedEvent("new"), finishedEvent("new")]));
    await sessionOf(server, runner, "s2").run(runBody("new"));
    expect((await sessionOf(server, runner, "s2").settled("new")).at(-1)).toBe(
      finishedEvent("new"),
    );

    // and after a start on a disk that is as full again
    await rm(join(disk, "ballast"), { recursive: true });
    await take(disk);
    server.kill("SIGKILL");
    await server.exited;
    const next = await startServer({ env });
    const later = new ProjectClient(harnessOf(next, runner));
    expect((await later.send("DELETE", "s3")).status).toBe(204);
    expect(await later.names()).toEqual(["s2"]);
  },
  TIMEOUT_MS,
);

it(
  "a first start on a full disk says so, and the next one with room is as the first would have been",
  async () => {
    const disk = await smallDisk();
    await mkdir(join(disk, "store"));
    takeBlocks(disk);
    const env = { STORAGE_URL: `file:${disk}/store` };
    const failed = await runCli({ env });
    expect(failed.code).toBe(1);
    expect(failed.stderr).toContain("The disk is full");
    await rm(join(disk, "ballast"));
    const server = await startServer({ env });
    expect((await server.fetch("/ready")).status).toBe(200);
  },
  TIMEOUT_MS,
);
