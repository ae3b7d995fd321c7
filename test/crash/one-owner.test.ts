import { expect, it } from "vitest";
import {
  finishedEvent,
  runBody,
  type SessionClient,
  startedEvent,
  tell,
} from "../contract/session-routes/harness.ts";
import type { FakeRunner } from "../support/fake-runner.ts";
import {
  freshDir,
  freshRunner,
  runCli,
  runWhenFree,
  ServerStartError,
  sessionOf,
  startServer,
} from "../support/server-process.ts";

it("a second server on a directory says whose it is and ends, and the first goes on", async () => {
  const dir = await freshDir();
  const runner = await freshRunner();
  const env = { STORAGE_URL: `file:${dir}`, RUNNER_URL: runner.address };
  const first = await startServer({ env });
  const played = await play(sessionOf(first, runner), runner, "r1");

  const second = await runCli({ env });
  expect(second).toEqual({
    code: 5,
    signal: null,
    stdout: "",
    stderr: `runlog: Another server uses the directory ${dir}\n`,
  });

  played.push(...(await play(sessionOf(first, runner), runner, "r2")));
  expect(await sessionOf(first, runner).lines()).toEqual(played);

  first.kill("SIGKILL");
  await first.exited;
  const takeoverMarker = await startServer({ env });
  expect(await sessionOf(takeoverMarker, runner).lines()).toEqual(played);
  played.push(...(await play(sessionOf(takeoverMarker, runner), runner, "r3")));
  expect(await sessionOf(takeoverMarker, runner).lines()).toEqual(played);
});

it("of servers that start at once on a new directory exactly one gets it", async () => {
  const dir = await freshDir();
  const env = { STORAGE_URL: `file:${dir}` };
  const started = await Promise.allSettled(Array.from({ length: 4 }, () => startServer({ env })));
  const owners = started.filter((result) => result.status === "fulfilled");
  expect(owners).toHaveLength(1);
  for (const result of started) {
    if (result.status === "fulfilled") continue;
    expect(result.reason).toBeInstanceOf(ServerStartError);
    expect(String(result.reason)).toContain(`Another server uses the directory ${dir}`);
  }
  const health = await owners[0]?.value.fetch("/health");
  expect(health?.status).toBe(200);
});

/** Plays a run to its end and resolves with what it has added to the log. */
async function play(session: SessionClient, runner: FakeRunner, run: string): Promise<string[]> {
  const custom = `{"type":"CUSTOM","name":"n","value":"${run}"}`;
  const events = [startedEvent(run), custom, finishedEvent(run)];
  runner.script((exchange) => tell(exchange, events));
  await runWhenFree(session, runBody(run));
  const added = (await session.settled(run)).slice(-1 - events.length);
  expect(added.slice(1)).toEqual(events);
  return added;
}
