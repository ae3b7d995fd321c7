import { expect, it } from "vitest";
import {
  expectProblem,
  finishedEvent,
  runBody,
  startedEvent,
  tell,
} from "../contract/session-routes/harness.ts";
import type { FakeRunner } from "../support/fake-runner.ts";
import { startResumableRunner } from "../support/resumable-runner.ts";
import {
  freshDir,
  freshRunner,
  runCli,
  type ServerProcess,
  sessionOf,
  startServer,
} from "../support/server-process.ts";
import { waitFor } from "../support/wait-for.ts";

const LIST = "/api/projects/p1/agents";

/** A runner that answers each run with its beginning and end. */
async function playingRunner(): Promise<FakeRunner> {
  const runner = await freshRunner();
  runner.script(async (exchange) => {
    const body = new TextDecoder().decode(exchange.request.body);
    const { runId } = JSON.parse(body) as { runId: string };
    await tell(exchange, [startedEvent(runId), finishedEvent(runId)]);
  });
  return runner;
}

const runsOf = ({ requests }: FakeRunner): number =>
  requests.filter(({ method, path }) => method === "POST" && path === "/runner/").length;

async function restart(
  server: ServerProcess,
  env: Readonly<Record<string, string>>,
  signal: NodeJS.Signals,
): Promise<ServerProcess> {
  server.kill(signal);
  await server.exited;
  return startServer({ env });
}

it("a session keeps its agent over kill and restart, and is read without it", async () => {
  const [coder, support] = [await playingRunner(), await playingRunner()];
  const STORAGE_URL = `file:${await freshDir()}`;
  const both = `coder=${coder.address},support=${support.address}`;
  let server = await startServer({ env: { STORAGE_URL, RUNLOG_AGENTS: both } });
  expect(server.stdout()).toContain(`agents: coder at ${coder.address}, support at`);
  const session = () => sessionOf(server, coder);
  const first = await session().post("/agui/run?agent=support", runBody("r1"));
  expect(first.status, await first.text()).toBe(200);
  server = await restart(server, { STORAGE_URL, RUNLOG_AGENTS: both }, "SIGKILL");
  await session().run(runBody("r2"));
  const lines = await session().settled("r2");
  expect(lines).toContain(finishedEvent("r2"));
  expect(runsOf(coder)).toBe(0);

  const one = `coder=${coder.address}`;
  server = await restart(server, { STORAGE_URL, RUNLOG_AGENTS: one }, "SIGTERM");
  expect(await (await server.fetch(LIST)).json()).toEqual({ agents: [{ name: "coder" }] });
  const gone = 'The session\'s agent "support" is not configured any more; agents: coder';
  const refused = await expectProblem(await session().post("/agui/run", runBody("r3")), 409, gone);
  expect(refused).toMatchObject({ type: "/problems/agent-not-configured", agent: "support" });
  await expectProblem(await session().post("/agui/interrupt", "{}"), 409, gone);
  expect((await session().get("/agui/capabilities")).status).toBe(200);
  expect(await (await session().get("")).json()).toMatchObject({ spec: { agent: "support" } });
  expect(await (await session().post("/agui/connect", "{}")).text()).toContain('"runId":"r2"');
  expect(await session().lines()).toEqual(lines);

  server = await restart(server, { STORAGE_URL, RUNNER_URL: coder.address }, "SIGTERM");
  await expectProblem(
    await session().post("/agui/run", runBody("r3")),
    409,
    'The session\'s agent "support" is not configured any more; no agent of this server has a name',
  );
  server = await restart(server, { STORAGE_URL, RUNLOG_AGENTS: both }, "SIGTERM");
  const before = runsOf(support);
  await session().run(runBody("r3"));
  await session().settled("r3");
  expect(runsOf(coder)).toBe(0);
  expect(runsOf(support)).toBe(before + 1);
});

it("a session that is older than the names gets its agent by its next run", async () => {
  const [old, support] = [await playingRunner(), await playingRunner()];
  const STORAGE_URL = `file:${await freshDir()}`;
  let server = await startServer({ env: { STORAGE_URL, RUNNER_URL: old.address } });
  await sessionOf(server, old).run(runBody("r1"));
  await sessionOf(server, old).settled("r1");
  const RUNLOG_AGENTS = `coder=${old.address},support=${support.address}`;
  server = await restart(server, { STORAGE_URL, RUNLOG_AGENTS }, "SIGTERM");
  const session = sessionOf(server, old);
  expect((await session.post("/agui/agents/support/run", runBody("r2"))).status).toBe(200);
  await session.settled("r2");
  expect(runsOf(support)).toBe(1);
});

it("an open run whose agent is gone at the next start ends at once, and says why", async () => {
  const runner = await startResumableRunner();
  const nobody = await freshRunner();
  const STORAGE_URL = `file:${await freshDir()}`;
  const RUNLOG_AGENTS = `coder=${nobody.address},support=${runner.address}`;
  let server = await startServer({ env: { STORAGE_URL, RUNLOG_AGENTS } });
  const posted = await sessionOf(server, nobody).post("/agui/run?agent=support", runBody("r1"));
  expect(posted.status, await posted.text()).toBe(200);
  const run = await waitFor(() => runner.run("r1"), { what: "the posted run" });
  run.say(startedEvent("r1"));
  await waitFor(async () => (await sessionOf(server, nobody).lines()).includes(startedEvent("r1")));
  const env = { STORAGE_URL, RUNLOG_AGENTS: `coder=${nobody.address}` };
  server = await restart(server, env, "SIGKILL");
  const lines = await sessionOf(server, nobody).settled("r1");
  expect(JSON.parse(lines.at(-1) ?? "")).toMatchObject({
    type: "RUN_ERROR",
    runId: "r1",
    code: "agent-not-configured",
    message: "The session's agent is not configured any more",
  });
});

it("agents that cannot be end the start with what is wrong", async () => {
  const { code, stderr } = await runCli({ env: { RUNLOG_AGENTS: "coder=somewhere,coder" } });
  expect(code).toBe(2);
  expect(stderr).toContain("RUNLOG_AGENTS: the URL of coder must be an http(s) URL");
  expect(stderr).toContain("RUNLOG_AGENTS names coder twice");
});
