import { randomBytes } from "node:crypto";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { finishedEvent, runBody, startedEvent, tell } from "../contract/session-routes/harness.ts";
import type { FakeRunner } from "../support/fake-runner.ts";
import {
  freshDir,
  freshRunner,
  runCli,
  sessionOf,
  startServer,
  type ServerProcess,
} from "../support/server-process.ts";
import { waitFor } from "../support/wait-for.ts";

const MIB = 1024 * 1024;
const LARGE = JSON.stringify({ type: "CUSTOM", name: "large", value: "x".repeat(MIB) });

async function startWithQuota(dir: string, runner: FakeRunner): Promise<ServerProcess> {
  return startServer({
    env: {
      STORAGE_URL: `file:${dir}`,
      RUNNER_URL: runner.address,
      RUNLOG_DISK_QUOTA: "2MiB",
    },
  });
}

const push = (server: ServerProcess, path: string, type: string, runId: string) =>
  server.fetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ type, threadId: "s1", runId }),
  });

it("beyond the quota no run begins, and everything else goes on", async () => {
  const runner = await freshRunner();
  const server = await startWithQuota(await freshDir(), runner);
  const session = sessionOf(server, runner);
  const [pushed, other] = ["/v1/streams/p1/s2", "/v1/streams/p1/s3"];
  for (const path of [pushed, other])
    expect((await server.fetch(path, { method: "PUT" })).status).toBe(201);
  expect((await push(server, pushed, "RUN_STARTED", "pushed")).ok).toBe(true);
  expect(await (await server.fetch("/ready")).json()).toEqual({ status: "ready" });

  const events = [startedEvent(), LARGE, LARGE, LARGE, finishedEvent()];
  runner.script((exchange) => tell(exchange, events));
  await session.run();
  // what has begun comes to its end
  const stored = await session.settled();
  expect(stored.slice(1)).toEqual(events);
  const refused = await session.post("/agui/run", runBody("second"));
  expect(refused.status).toBe(507);
  expect(refused.headers.get("Retry-After")).toBe("60");
  expect(await refused.json()).toMatchObject({
    type: "/problems/quota-exceeded",
    limit: 2 * MIB,
    detail: expect.stringContaining("archived or deleted"),
  });
  // the same run again is none that begins
  expect((await session.post("/agui/run", runBody())).status).toBe(200);
  expect((await push(server, other, "RUN_STARTED", "next")).status).toBe(507);
  expect((await push(server, pushed, "RUN_FINISHED", "pushed")).ok).toBe(true);
  const ready = await server.fetch("/ready");
  expect([ready.status, await ready.json()]).toEqual([200, { status: "ready", refuses: ["runs"] }]);
  expect(await session.settled()).toEqual(stored);
  expect(server.stderr()).toContain("disk-quota-exceeded");
});

it("what a directory holds already counts, and there is room again once it is gone", async () => {
  const dir = await freshDir();
  const runner = await freshRunner();
  await mkdir(join(dir, "projects"), { recursive: true });
  const other = join(dir, "projects", "other");
  await writeFile(other, randomBytes(3 * MIB));
  const server = await startWithQuota(dir, runner);
  const session = sessionOf(server, runner);
  const refuses = async (): Promise<boolean> =>
    "refuses" in ((await (await server.fetch("/ready")).json()) as object);
  await waitFor(refuses, { what: "the quota to be exceeded" });
  expect((await session.post("/agui/run", runBody())).status).toBe(507);
  await rm(other);
  await waitFor(async () => !(await refuses()), { what: "room" });
  expect((await session.post("/agui/run", runBody())).status).toBe(200);
});

it("a quota needs a directory", async () => {
  const { code, stderr } = await runCli({
    env: { STORAGE_URL: "memory:", RUNLOG_DISK_QUOTA: "1GiB" },
  });
  expect([code, stderr]).toEqual([
    2,
    expect.stringContaining("RUNLOG_DISK_QUOTA needs a STORAGE_URL on a disk, file:<dir>"),
  ]);
});
