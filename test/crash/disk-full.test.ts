import { readFile, readdir } from "node:fs/promises";
import { basename, join } from "node:path";
import { expect, it } from "vitest";
import type { SseEvent } from "../contract/read-sse.ts";
import {
  expectProblem,
  finishedEvent,
  openRunner,
  runBody,
  startedEvent,
  tell,
} from "../contract/session-routes/harness.ts";
import type { FakeRunner } from "../support/fake-runner.ts";
import {
  type Exit,
  freshDir,
  freshRunner,
  harnessOf,
  runWhenFree,
  type ServerProcess,
  sessionOf,
  startServer,
} from "../support/server-process.ts";
import { waitFor } from "../support/wait-for.ts";
import { writeUntilClosed } from "../support/write-until-closed.ts";

const MIB = 1024 * 1024;
/** A limit on the size of each file, which needs no rights: 2048 blocks of 512 bytes. */
const LIMITED = "ulimit -f 2048";
const SMALL_EVENTS = 200;

it("an event that there is no room for ends its run as failed and nothing else", async () => {
  const { server, runner, dir } = await startLimited();
  const session = sessionOf(server, runner);
  const { sse } = await session.watch();
  const exchange = await openRunner(harnessOf(server, runner), () => session.run());
  const events = [
    startedEvent(),
    ...Array.from({ length: SMALL_EVENTS }, (_, i) => custom(`${i}`)),
  ];
  for (const event of events) await exchange.write(frame(event));
  const seen = await sse.events(1 + events.length);
  expect(textsOf(seen).slice(1)).toEqual(events);

  await Promise.all([
    // the run is ended, which may break this off
    exchange.write(frame(custom("x".repeat(2 * MIB))) + frame(custom("after"))).catch(() => {}),
    exchange.closed,
  ]);
  seen.push(...(await sse.events(1)));
  expect(JSON.parse(seen.at(-1)?.data ?? "")).toMatchObject({
    type: "RUN_ERROR",
    runId: "r",
    code: "store-failed",
    message: "Event log could not be written",
  });
  expect(await session.lines()).toEqual(textsOf(seen));
  expect(await onDisk(dir)).toEqual([linesText(textsOf(seen))]);

  await expectToServe(server, runner, "other");
  await expectToServe(server, runner, "s1");
  const after = await session.lines();
  expect(after.slice(0, seen.length)).toEqual(textsOf(seen));
  seen.push(...(await sse.events(after.length - seen.length)));
  expect(textsOf(seen)).toEqual(after);
});

it("a log that is full to its last bytes stays readable, and goes on once there is room", async () => {
  const { server, runner, dir, env, session, exchange, sse, seen } = await startFull();
  await writeUntilClosed(exchange, frame(custom("one too many")));
  const refused = await session.post("/agui/run", runBody("r2"));
  await expectProblem(refused, 503, "Event log is not writable");
  const log = linesText(textsOf(seen));
  expect(linesText(await session.lines()) === log).toBe(true);
  const [raw = ""] = await onDisk(dir);
  expect(raw.startsWith(log)).toBe(true);
  expect(raw.length).toBeLessThanOrEqual(MIB);
  await expectToServe(server, runner, "other");
  expect((await server.fetch("/health")).status).toBe(200);
  await sse.cancel();

  server.kill("SIGKILL");
  await server.exited;
  const roomy = await startServer({ env });
  const after = seen.at(-1)?.id ?? "";
  const again = await sessionOf(roomy, runner).watch(`?after=${after}`);
  expect(again.response.headers.get("X-Runlog-Replay")).toBeNull();
  await expectToServe(roomy, runner, "s1");
  seen.push(...(await again.sse.until(({ data }) => data === finishedEvent("after"))));
  await again.sse.cancel();
  const whole = linesText(textsOf(seen));
  expect(linesText(await sessionOf(roomy, runner).lines()) === whole).toBe(true);
  expect((await onDisk(dir)).includes(whole)).toBe(true);
});

it("a run whose event could not be stored ends although its runner falls silent", async () => {
  const { exchange } = await startFull();
  let gone = false;
  void exchange.closed.then(() => {
    gone = true;
  });
  await exchange.write(frame(custom("one too many")));
  await waitFor(() => gone, { what: "the end of the runner's connection" });
});

it("a server that cannot store the end of a run stops when it is asked to", async () => {
  const { server, exchange } = await startFull();
  await writeUntilClosed(exchange, frame(custom("one too many")));
  let exit: Exit | null = null;
  void server.exited.then((how) => {
    exit = how;
  });
  server.kill("SIGTERM");
  await waitFor(() => exit, { what: "the server's end" });
  expect(exit).toMatchObject({ signal: null });
});

async function startLimited() {
  const runner = await freshRunner();
  const dir = await freshDir();
  const env = { STORAGE_URL: `file:${dir}`, RUNNER_URL: runner.address };
  return { server: await startServer({ env, before: LIMITED }), runner, dir, env };
}

/** A server with a viewer and a run whose log has no room for another event, nor for the run's end. */
async function startFull() {
  const limited = await startLimited();
  const { server, runner } = limited;
  const session = sessionOf(server, runner);
  const { sse } = await session.watch();
  const exchange = await openRunner(harnessOf(server, runner), () => session.run());
  await exchange.write(frame(startedEvent()));
  const seen = await sse.events(2);
  const stored = Buffer.byteLength(linesText([...textsOf(seen), custom("")]));
  const filler = custom("x".repeat(MIB - stored - 50));
  await exchange.write(frame(filler));
  seen.push(...(await sse.events(1)));
  expect(seen.at(-1)?.data === filler).toBe(true);
  return { ...limited, session, exchange, sse, seen };
}

/** Expects a run to go through in a session, and to be in the log after what was there. */
async function expectToServe(
  server: ServerProcess,
  runner: FakeRunner,
  name: string,
): Promise<void> {
  const session = sessionOf(server, runner, name);
  const events = [startedEvent("after"), custom("after"), finishedEvent("after")];
  runner.script((exchange) => tell(exchange, events));
  await runWhenFree(session, runBody("after"));
  expect((await session.settled("after")).slice(-3)).toEqual(events);
}

/** The raw logs as they lie on disk. */
async function onDisk(dir: string): Promise<string[]> {
  const names = await readdir(dir, { recursive: true });
  const logs = names.filter((name) => basename(name) === "raw.jsonl");
  return Promise.all(logs.map((name) => readFile(join(dir, name), "utf8")));
}

function custom(value: string): string {
  return JSON.stringify({ type: "CUSTOM", name: "n", value });
}

function frame(event: string): string {
  return `data: ${event}\n\n`;
}

function linesText(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join("");
}

function textsOf(events: readonly SseEvent[]): string[] {
  return events.map(({ data }) => data);
}
