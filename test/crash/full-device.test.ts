import { execFileSync } from "node:child_process";
import { readdir, readFile, rm, statfs, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import {
  expectProblem,
  finishedEvent,
  openRunner,
  runBody,
  startedEvent,
  tell,
} from "../contract/session-routes/harness.ts";
import {
  freshDir,
  freshRunner,
  harnessOf,
  runWhenFree,
  sessionOf,
  startServer,
} from "../support/server-process.ts";
import { writeUntilClosed } from "../support/write-until-closed.ts";

const KIB = 1024;
const DEVICE_BYTES = 4 * 1024 * KIB;
/** What is left for the run when it begins. */
const ROOM_BYTES = 256 * KIB;

const EVENT = JSON.stringify({ type: "CUSTOM", name: "n", value: "x".repeat(2_000) });

/** Mounts a file system of its own that is soon full. Throws where that is not allowed. */
async function smallDevice(): Promise<string> {
  const dir = await freshDir();
  const options = `size=${DEVICE_BYTES},mode=0700`;
  execFileSync("mount", ["-t", "tmpfs", "-o", options, "tmpfs", dir], { stdio: "pipe" });
  onTestFinished(() => void execFileSync("umount", ["--lazy", dir]));
  return dir;
}

/** Whether this process may mount: root may, but not in every container. */
function mayMount(): boolean {
  try {
    execFileSync("unshare", ["--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt"], {
      stdio: "pipe",
    });
    return true;
  } catch {
    return false;
  }
}

if (mayMount()) describe("a device that fills up in mid-run", describeFullDevice);
else
  describe("where nothing may be mounted", () => {
    // test/crash/disk-full.test.ts and the stores with faults show the same by other means
    it("a full device cannot be had", async () => {
      await expect(smallDevice()).rejects.toThrow(/mount/);
    });
  });

function describeFullDevice(): void {
  it("ends the run, shows nothing that is not stored, and lets the session go on with space", async () => {
    const dir = await smallDevice();
    const runner = await freshRunner();
    const server = await startServer({
      env: { STORAGE_URL: `file:${dir}`, RUNNER_URL: runner.address },
    });
    const session = sessionOf(server, runner);
    const { sse } = await session.watch();
    const exchange = await openRunner(harnessOf(server, runner), () => session.run());
    await exchange.write(frame(startedEvent()));
    const seen = (await sse.events(2)).map(({ data }) => data);

    const ballast = join(dir, "ballast");
    await fillUp(dir, ballast, ROOM_BYTES);
    await writeUntilClosed(exchange, frame(EVENT));
    const stored = await session.lines();
    seen.push(...(await sse.events(stored.length - seen.length)).map(({ data }) => data));
    expect(seen).toEqual(stored);
    expect(seen.length).toBeGreaterThan(2);
    // on the device may be more: what a write left that was cut short
    expect((await rawLog(dir)).slice(0, seen.length)).toEqual(seen);
    const rest = join(dir, "rest");
    await fillUp(dir, rest, 0);
    const refused = await session.post("/agui/run", runBody("r2"));
    await expectProblem(refused, 503, "Event log is not writable");

    await Promise.all([rm(ballast), rm(rest)]);
    const [end] = isEnd(seen.at(-1))
      ? [seen.at(-1)]
      : (await sse.events(1)).map(({ data }) => data);
    expect(JSON.parse(end ?? "")).toMatchObject({
      type: "RUN_ERROR",
      runId: "r",
      code: "store-failed",
      message: "Event log could not be written",
    });
    runner.script((next) => tell(next, [startedEvent("r3"), finishedEvent("r3")]));
    await runWhenFree(session, runBody("r3"));
    const lines = await session.settled("r3");
    expect(lines.slice(0, seen.length)).toEqual(seen);
    expect(lines.slice(-2)).toEqual([startedEvent("r3"), finishedEvent("r3")]);
    expect(await rawLog(dir)).toEqual(lines);
    await sse.cancel();
  });
}

/** Leaves the device so much room. */
async function fillUp(dir: string, file: string, roomBytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(dir);
  await writeFile(file, new Uint8Array(Math.max(0, bavail * bsize - roomBytes)));
}

async function rawLog(dir: string): Promise<string[]> {
  const names = await readdir(dir, { recursive: true });
  const name = names.find((path) => basename(path) === "raw.jsonl") ?? "";
  const text = await readFile(join(dir, name), "utf8");
  return text.split("\n").slice(0, -1);
}

function isEnd(event: string | undefined): boolean {
  return event !== undefined && event.includes('"RUN_ERROR"');
}

function frame(event: string): string {
  return `data: ${event}\n\n`;
}
