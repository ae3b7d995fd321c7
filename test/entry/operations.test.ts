import { execFile } from "node:child_process";
import { chmod, cp, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { startArguments } from "../../scripts/bench/server-process.ts";
import {
  finishedEvent,
  openRunner,
  type SessionClient,
  startedEvent,
  tell,
} from "../contract/session-routes/harness.ts";
import type { FakeRunner } from "../support/fake-runner.ts";
import { namedBlock } from "../support/page-blocks.ts";
import {
  freshDir,
  freshRunner,
  harnessOf,
  type ServerProcess,
  sessionOf,
  startServer,
} from "../support/server-process.ts";
import { waitFor } from "../support/wait-for.ts";

const run = promisify(execFile);
const CLI = fileURLToPath(new URL("../../src/entry/cli.ts", import.meta.url));
const SESSIONS = ["s1", "s2", "s3"];

interface Place {
  readonly dir: string;
  readonly runner: FakeRunner;
  /** Runs a block of the page; resolves with what it printed. */
  readonly follow: (name: string) => Promise<string>;
  readonly start: (env?: Record<string, string>) => Promise<ServerProcess>;
}

/** A directory with `data`, and `runlog` on the path. */
async function freshPlace(): Promise<Place> {
  const dir = await freshDir();
  const runner = await freshRunner();
  const flags = (await startArguments()).slice(0, -1).join(" ");
  await writeFile(
    join(dir, "runlog"),
    `#!/bin/sh\nexec ${process.execPath} ${flags} ${CLI} "$@"\n`,
  );
  await chmod(join(dir, "runlog"), 0o755);
  const PATH = `${dir}:${process.env["PATH"]}`;
  return {
    dir,
    runner,
    async follow(name) {
      const code = await namedBlock("docs/operations.md", name);
      const { stdout } = await run("sh", ["-euc", code], { cwd: dir, env: { PATH } });
      return stdout;
    },
    start: (env = {}) =>
      startServer({
        env: { STORAGE_URL: `file:${dir}/data`, RUNNER_URL: runner.address, ...env },
      }),
  };
}

/** Has a finished run in each session; resolves with what each stored. */
async function fill(server: ServerProcess, runner: FakeRunner): Promise<Map<string, string[]>> {
  const stored = new Map<string, string[]>();
  for (const name of SESSIONS) {
    const session = sessionOf(server, runner, name);
    runner.script((exchange) => tell(exchange, [startedEvent(), text(name), finishedEvent()]));
    await session.run();
    stored.set(name, await session.settled());
    await waitFor(async () => (await session.agentStatus()) === "idle");
  }
  return stored;
}

async function stop(server: ServerProcess): Promise<void> {
  server.kill("SIGTERM");
  expect(await server.exited).toEqual({ code: 0, signal: null });
}

const text = (value: string): string => JSON.stringify({ type: "CUSTOM", name: "n", value });

async function expectToHold(
  server: ServerProcess,
  runner: FakeRunner,
  stored: ReadonlyMap<string, string[]>,
): Promise<void> {
  for (const [name, lines] of stored)
    expect(await sessionOf(server, runner, name).lines()).toEqual(lines);
}

async function goOn(session: SessionClient, runner: FakeRunner): Promise<void> {
  runner.script((exchange) => tell(exchange, [startedEvent("next"), finishedEvent("next")]));
  await session.run('{"runId":"next","messages":[]}');
  await session.settled("next");
}

describe("the procedures of docs/operations.md", () => {
  it("a copy that is made while a run goes on opens, ends that run, and is a restore", async () => {
    const { dir, runner, follow, start } = await freshPlace();
    const server = await start();
    const stored = await fill(server, runner);
    const open = sessionOf(server, runner, "open");
    const exchange = await openRunner(harnessOf(server, runner), () => open.run());
    await exchange.write(`data: ${startedEvent()}\n\ndata: ${text("before")}\n\n`);
    await waitFor(async () => (await open.lines()).includes(text("before")));
    const report = await follow("backup");
    expect(report.match(/ ok, here: /g)).toHaveLength(4);
    await exchange.write(`data: ${text("after")}\n\n`);
    await waitFor(async () => (await open.lines()).includes(text("after")));
    server.kill("SIGKILL");
    await server.exited;

    await follow("restore");
    const restored = await start();
    await expectToHold(restored, runner, stored);
    const lines = await sessionOf(restored, runner, "open").lines();
    expect(lines).toContain(text("before"));
    expect(lines).not.toContain(text("after"));
    expect(lines.at(-1)).toContain('"RUN_ERROR"');
    await goOn(sessionOf(restored, runner, "open"), runner);
    await stop(restored);
    expect(await readdir(dir)).toContain("data.broken");
  });

  it("archived sessions come back after the volume is lost, also without being restored", async () => {
    const { dir, runner, follow, start } = await freshPlace();
    const server = await start();
    const stored = await fill(server, runner);
    await stop(server);
    await follow("archive");
    await cp(join(dir, "data"), join(dir, "kept"), { recursive: true });
    expect(await follow("lost-volume")).toMatch(/^p1\/s1 {2}ok, here and archived/m);
    const restored = await start();
    await expectToHold(restored, runner, stored);
    await stop(restored);
    await rm(join(dir, "data"), { recursive: true });
    const env = { RUNLOG_ARCHIVE_URL: `file:${dir}/archive` };
    const archived = await start(env);
    await expectToHold(archived, runner, stored);
    await goOn(sessionOf(archived, runner, "s1"), runner);
    await stop(archived);
  });

  it("without the bucket of archives the sessions that are here are served, and the others are listed", async () => {
    const { dir, runner, follow, start } = await freshPlace();
    const server = await start();
    const stored = await fill(server, runner);
    await stop(server);
    await follow("archive");
    const env = { RUNLOG_ARCHIVE_URL: `file:${dir}/archive` };
    const first = await start(env);
    const away = sessionOf(first, runner, "s1");
    expect((await away.post("/archive", '{"deleteLocal":true}')).status).toBe(200);
    await stop(first);
    await rm(join(dir, "archive"), { recursive: true });
    const second = await start(env);
    const here = new Map([...stored].filter(([name]) => name !== "s1"));
    await expectToHold(second, runner, here);
    const list = await second.fetch("/api/projects/p1/agentic-sessions");
    expect(await list.json()).toMatchObject({ totalCount: SESSIONS.length });
    const gone = sessionOf(second, runner, "s1");
    const messages = await gone.get("/agui/messages");
    expect([messages.status, await messages.json()]).toEqual([
      500,
      expect.objectContaining({ type: "/problems/archive-damaged" }),
    ]);
    const exported = await gone.get("/export");
    await expect(exported.text()).rejects.toThrow();
  });

  it("half a copy says what is damaged, and serves the rest", async () => {
    const { dir, runner, follow, start } = await freshPlace();
    const server = await start();
    const stored = await fill(server, runner);
    await stop(server);
    await follow("backup");
    const files = await readdir(join(dir, "backup"), { recursive: true });
    const rawOf = (name: string): string =>
      join(
        dir,
        "backup",
        files.find((path) => path.includes(`/${name}/`) && path.endsWith("raw.jsonl"))!,
      );
    const half = (await readFile(rawOf("s2"))).length >> 1;
    await truncate(rawOf("s2"), half);
    await rm(rawOf("s3"));
    await follow("half-a-copy");
    const report = (await readFile(join(dir, "report.jsonl"), "utf8")).trim().split("\n");
    const results = new Map(
      report.map((line) => {
        const { session, result } = JSON.parse(line) as Record<string, string>;
        return [session, result];
      }),
    );
    expect(results.get("s1")).toBe("ok");
    expect(results.get("s2")).toBe("failed");
    await follow("restore");
    const restored = await start();
    await expectToHold(restored, runner, new Map([["s1", stored.get("s1")!]]));
    const left = await sessionOf(restored, runner, "s2").lines();
    expect(stored.get("s2")?.slice(0, left.length)).toEqual(left);
    await goOn(sessionOf(restored, runner, "s2"), runner);
    await goOn(sessionOf(restored, runner, "s3"), runner);
  });

  it("retention says what it would do beside the server, and does it", async () => {
    const { dir, runner, follow, start } = await freshPlace();
    const server = await start();
    await fill(server, runner);
    await follow("retention");
    await stop(server);
    const env = {
      PATH: `${dir}:${process.env["PATH"]}`,
      STORAGE_URL: `file:${dir}/data`,
      RUNLOG_ARCHIVE_URL: `file:${dir}/archive`,
    };
    const retention = (...args: string[]) =>
      run(join(dir, "runlog"), ["retention", ...args], { cwd: dir, env });
    const policy = ["--policy", "archive:1s,delete:365d"];
    await waitFor(async () => {
      const { stdout } = await retention(...policy, "--dry-run");
      return stdout.match(/ would be archived, last used /g)?.length === SESSIONS.length;
    });
    expect((await retention(...policy)).stdout).toMatch(/^p1\/s1 {2}archived, last used \d{4}-/m);
    expect((await retention(...policy)).stdout).toBe("");
    const deletion = await retention("--policy", "p1=delete:1s", "--json");
    expect(deletion.stdout.match(/"result":"deleted"/g)).toHaveLength(SESSIONS.length);
    await expect(retention("--policy", "delete:1")).rejects.toMatchObject({
      code: 2,
      stderr: expect.stringContaining("--policy is archive:<age>"),
    });
  });
});
