import { spawn } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import { createServer } from "node:net";
import { once } from "node:events";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { freePort } from "../../scripts/bench/loopback.ts";
import { runBody } from "../contract/session-routes/harness.ts";
import { requestOnce } from "../support/one-request.ts";
import {
  freshDir,
  freshRunner,
  type ProcessOptions,
  type ServerProcess,
  startServer,
} from "../support/server-process.ts";
import { waitFor } from "../support/wait-for.ts";

const SIGNALS = ["SIGTERM", "SIGINT", "SIGHUP"] as const;
const SESSION = "/api/projects/p1/agentic-sessions/s1";
/** What Node says when nothing holds a process that is not through. */
const UNSETTLED = /unsettled|top-level await/i;

interface Place extends ServerProcess {
  /** The types of the session's events as they are on disk, with the codes of RUN_ERROR. */
  stored(): Promise<string[]>;
}

/** A server that nobody is connected to, with the demo runner unless `env` names one. */
async function startAlone(options: ProcessOptions = {}): Promise<Place> {
  const dir = await freshDir();
  const env = { STORAGE_URL: `file:${dir}`, ...options.env };
  return { ...(await startServer({ ...options, env })), stored: () => storedIn(dir) };
}

async function storedIn(dir: string): Promise<string[]> {
  const files = await readdir(dir, { recursive: true });
  const raw = files.find((name) => name.endsWith("/raw.jsonl")) ?? "";
  const lines = (await readFile(join(dir, raw), "utf8")).trim().split("\n");
  return lines.map((line) => {
    const { type, code } = JSON.parse(line) as { type: string; code?: string };
    return code === undefined ? type : `${type} ${code}`;
  });
}

async function postRun(url: string, runId: string): Promise<void> {
  const answer = await requestOnce(`${url}${SESSION}/agui/run`, {
    method: "POST",
    body: runBody(runId),
  });
  expect(answer).toMatchObject({ status: 200 });
}

async function waitForEvent(place: { stored(): Promise<string[]> }, type: string): Promise<void> {
  await waitFor(async () => (await place.stored().catch((): string[] => [])).includes(type), {
    what: `a stored ${type}`,
  });
}

describe("a server that is stopped with nobody connected", () => {
  it.each(SIGNALS)("stores the end of its run at %s and exits 0", async (signal) => {
    const server = await startAlone();
    await postRun(server.url, "r1");
    await waitForEvent(server, "RUN_STARTED");
    server.kill(signal);
    expect(await server.exited).toEqual({ code: 0, signal: null });
    expect((await server.stored()).at(-1)).toBe("RUN_ERROR server-shutdown");
    expect(server.stderr()).not.toMatch(UNSETTLED);
  });

  it("exits 0 without a run", async () => {
    const server = await startAlone();
    server.kill("SIGTERM");
    expect(await server.exited).toEqual({ code: 0, signal: null });
    const lines = server.stderr().trimEnd().split("\n");
    expect(lines.map((line) => (JSON.parse(line) as { event: string }).event)).toEqual([
      "started",
      "stopping",
      "stopped",
    ]);
    expect(server.stderr()).toContain("stopping once runs have ended; again to stop now");
  });

  it("stores the ends of the runs that wait after the active one", async () => {
    const server = await startAlone();
    for (const run of ["r1", "r2", "r3"]) await postRun(server.url, run);
    await waitForEvent(server, "RUN_STARTED");
    server.kill("SIGTERM");
    expect(await server.exited).toEqual({ code: 0, signal: null });
    const ends = (await server.stored()).filter((type) => type.startsWith("RUN_ERROR"));
    expect(ends.toSorted()).toEqual([
      "RUN_ERROR run-not-started",
      "RUN_ERROR run-not-started",
      "RUN_ERROR server-shutdown",
    ]);
  });

  it("ends a run whose runner cannot be reached and is tried again", async () => {
    const RUNNER_URL = `http://127.0.0.1:${await freePort()}/`;
    const server = await startAlone({ env: { RUNNER_URL } });
    await postRun(server.url, "r1");
    server.kill("SIGTERM");
    expect(await server.exited).toEqual({ code: 0, signal: null });
    expect((await server.stored()).at(-1)).toMatch(/^RUN_ERROR /);
    expect(server.stderr()).not.toMatch(UNSETTLED);
  });

  it("ends a run whose runner accepts it and says nothing", async () => {
    const silent = createServer().listen(0, "127.0.0.1");
    onTestFinished(() => void silent.close());
    await once(silent, "listening");
    const address = silent.address();
    const port = typeof address === "object" ? address?.port : 0;
    const server = await startAlone({ env: { RUNNER_URL: `http://127.0.0.1:${port}/` } });
    await postRun(server.url, "r1");
    server.kill("SIGTERM");
    expect(await server.exited).toEqual({ code: 0, signal: null });
    expect((await server.stored()).at(-1)).toBe("RUN_ERROR server-shutdown");
  });

  it("says what it waits for during a drain, and lets the run have its time", async () => {
    const server = await startAlone({ env: { RUNLOG_DRAIN: "4s" } });
    await postRun(server.url, "r1");
    await waitForEvent(server, "RUN_STARTED");
    server.kill("SIGTERM");
    expect(await server.exited).toEqual({ code: 0, signal: null });
    expect(server.stderr()).toContain(
      '"text":"waiting for the runs of 1 session(s) to end, at most 4 s"',
    );
    expect((await server.stored()).at(-1)).toBe("RUN_ERROR server-shutdown");
  });

  it("exits 0 when the run has ended by itself in a drain", async () => {
    const runner = await freshRunner();
    runner.script(async (exchange) => {
      await exchange.answer(200, { "Content-Type": "text/event-stream" });
      await exchange.write('data: {"type":"RUN_STARTED","threadId":"s1","runId":"r1"}\n\n');
      await waitFor(() => server.stderr().includes("stopping"), { what: "the stop" });
      await exchange.write('data: {"type":"RUN_FINISHED","threadId":"s1","runId":"r1"}\n\n');
      await exchange.end();
    });
    const env = { RUNLOG_DRAIN: "24h", RUNNER_URL: runner.address };
    const server = await startAlone({ env });
    await postRun(server.url, "r1");
    await waitForEvent(server, "RUN_STARTED");
    server.kill("SIGTERM");
    expect(await server.exited).toEqual({ code: 0, signal: null });
    expect((await server.stored()).at(-1)).toBe("RUN_FINISHED");
  });

  it("answers a request that has come, however long that takes its store or runner", async () => {
    const runner = await freshRunner();
    runner.script(async (exchange) => {
      await waitFor(() => server.stderr().includes("waiting for answers"), { what: "the stop" });
      await exchange.answer(200, { "Content-Type": "application/json" });
      await exchange.write('{"framework":"slow"}');
      await exchange.end();
    }, "capabilities");
    const server = await startAlone({ env: { RUNNER_URL: runner.address } });
    const answer = requestOnce(`${server.url}${SESSION}/agui/capabilities`);
    await waitFor(() => runner.requests.length === 1, { what: "the request at the runner" });
    server.kill("SIGTERM");
    expect(await answer).toMatchObject({ status: 200 });
    expect(await server.exited).toEqual({ code: 0, signal: null });
  });

  it("tells a request that has no answer in the end to come again", async () => {
    const runner = await freshRunner();
    runner.script(() => new Promise(() => {}), "capabilities");
    const server = await startAlone({ env: { RUNNER_URL: runner.address } });
    const answer = requestOnce(`${server.url}${SESSION}/agui/capabilities`);
    await waitFor(() => runner.requests.length === 1, { what: "the request at the runner" });
    server.kill("SIGTERM");
    expect(await answer).toMatchObject({
      status: 503,
      text: expect.stringContaining("/problems/overloaded"),
    });
    expect(await server.exited).toEqual({ code: 0, signal: null });
    expect(server.stderr()).not.toContain("ERR_");
  });

  it.each(SIGNALS)("ends at once when it is asked again by %s", async (signal) => {
    const server = await startAlone({ env: { RUNLOG_DRAIN: "24h" } });
    await postRun(server.url, "r1");
    await waitForEvent(server, "RUN_STARTED");
    server.kill("SIGTERM");
    await waitFor(() => server.stderr().includes("again to stop now"), { what: "the stop" });
    server.kill(signal);
    expect(await server.exited).toEqual({ code: 1, signal: null });
    expect((await server.stored()).at(-1)).not.toContain("RUN_ERROR");
  });

  it("stores the end of its run although nobody reads what it prints any more", async () => {
    // standard error becomes a pipe whose reader has gone
    const before = "mkfifo p; true < p & exec 2> p; wait $!";
    const server = await startAlone({ before, cwd: await freshDir() });
    await postRun(server.url, "r1");
    await waitForEvent(server, "RUN_STARTED");
    server.kill("SIGHUP");
    expect(await server.exited).toEqual({ code: 0, signal: null });
    expect((await server.stored()).at(-1)).toBe("RUN_ERROR server-shutdown");
  });
});

describe("npm start", () => {
  it.each([
    ["SIGTERM to npm", "SIGTERM", 1],
    ["SIGINT to all of its group, as a terminal sends it", "SIGINT", -1],
  ] as const)("%s ends the server in order: port and directory are free", async (_, signal, to) => {
    const dir = await freshDir();
    const port = await freePort();
    const env = { STORAGE_URL: `file:${dir}`, PORT: String(port), RUNLOG_DRAIN: "100ms" };
    const { PATH, HOME } = process.env;
    const npm = spawn("npm", ["start"], {
      env: { PATH, HOME, ...env },
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
    });
    const { pid = 0 } = npm;
    let isOver = false;
    onTestFinished(() => {
      if (!isOver) process.kill(-pid, "SIGKILL");
    });
    const exited = once(npm, "exit");
    const url = `http://127.0.0.1:${port}`;
    const isHealthy = (): Promise<boolean> =>
      requestOnce(`${url}/health`).then(
        () => true,
        () => false,
      );
    await waitFor(isHealthy, { timeoutMs: 80_000, what: "a server that listens" });
    await postRun(url, "r1");
    await waitForEvent({ stored: () => storedIn(dir) }, "RUN_STARTED");
    process.kill(pid * to, signal);
    await exited;
    await waitFor(async () => !(await isHealthy()), { what: "the end of the server" });
    isOver = true;
    const again = await startServer({ env });
    expect(again.url).toBe(url);
    expect((await storedIn(dir)).at(-1)).toBe("RUN_ERROR server-shutdown");
  });
});
