import { afterAll, beforeAll, expect, it } from "vitest";
import {
  expectProblem,
  finishedEvent,
  runBody,
  startedEvent,
  tell,
} from "../contract/session-routes/harness.ts";
import { startReplicas } from "../support/replicas.ts";
import { type S3Server, startS3Server } from "../support/s3-server.ts";
import { freshRunner } from "../support/server-process.ts";
import { waitFor } from "../support/wait-for.ts";

const NAMES = ["coder", "support"];

let s3: S3Server;
beforeAll(async () => {
  s3 = await startS3Server();
});
afterAll(() => s3.close());

it("three servers give a session one agent, whichever of them is asked for which, and keep it when its owner is killed", async () => {
  const runner = await freshRunner();
  for (const name of NAMES)
    runner.script(async (exchange) => {
      const body = new TextDecoder().decode(exchange.request.body);
      const { runId } = JSON.parse(body) as { runId: string };
      await tell(exchange, [startedEvent(runId), finishedEvent(runId)]);
    }, `${name}/`);
  const { servers, session } = await startReplicas(s3, runner, 3, () => ({
    RUNNER_URL: `${runner.address}{agent}/`,
    RUNLOG_AGENTS: NAMES.join(","),
  }));
  const agentAt = async (at: number): Promise<unknown> => {
    const document = (await (await session(at).get("")).json()) as { spec?: { agent?: string } };
    return document.spec?.agent;
  };
  const named = [0, 1, 2, 3, 4, 5].map((at) => NAMES[at % 2] ?? "");
  const answers = await Promise.all(
    named.map((name, at) => session(at).post(`/agui/run?agent=${name}`, runBody(`r${at}`))),
  );
  const chosen = await agentAt(0);
  expect(answers.map(({ status }) => status)).toEqual(
    named.map((name) => (name === chosen ? 200 : 409)),
  );
  for (const at of [1, 2]) expect(await agentAt(at)).toBe(chosen);
  await waitFor(async () => (await session(0).agentStatus()) === "idle");

  // whichever has the session
  for (const at of [0, 1]) {
    servers[at]?.kill("SIGKILL");
    await servers[at]?.exited;
  }
  const other = NAMES.find((name) => name !== chosen) ?? "";
  await expectProblem(
    await session(2).post(`/agui/run?agent=${other}`, runBody("late")),
    409,
    `The session's agent is "${String(chosen)}", not "${other}"`,
  );
  await session(2).run(runBody("late"));
  await session(2).settled("late");
  expect(runner.requests.filter(({ path }) => path === `/runner/${other}/`)).toEqual([]);
}, 120_000);
