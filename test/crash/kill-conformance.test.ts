import { expect, it } from "vitest";
import { runBody, tell } from "../contract/session-routes/harness.ts";
import { ACCEPTED_AGENTS } from "../oracle/conformance/agents.ts";
import { ASKED, follow, hushClients, linesOf } from "../oracle/conformance/cases.ts";
import { ACCEPTED_CONTENT } from "../oracle/conformance/content.ts";
import { ACCEPTED_RUNS } from "../oracle/conformance/lifecycle.ts";
import { ACCEPTED_STATE } from "../oracle/conformance/state.ts";
import type { Case } from "../oracle/conformance/stream.ts";
import { ACCEPTED_TEXTS } from "../oracle/conformance/text.ts";
import { freshDir, freshRunner, sessionOf, startServer } from "../support/server-process.ts";

/** Streams of one run with an end, as a runner sends them for the run that it was asked for. */
const CASES = [
  ...ACCEPTED_RUNS,
  ...ACCEPTED_TEXTS,
  ...ACCEPTED_CONTENT,
  ...ACCEPTED_STATE,
  ...ACCEPTED_AGENTS,
].filter(isOneRun);

function isOneRun({ stream }: Case): boolean {
  const boundaries = stream.filter(({ type }) => type.startsWith("RUN_")).map(({ type }) => type);
  return boundaries.join() === "RUN_STARTED,RUN_FINISHED" && stream[0]?.type === "RUN_STARTED";
}

it("what streams of the standard leave a client with is the same after kill -9 and a new start", async () => {
  hushClients();
  const runner = await freshRunner();
  const env = { STORAGE_URL: `file:${await freshDir()}`, RUNNER_URL: runner.address };
  const killed = await startServer({ env });
  for (const [at, { stream }] of CASES.entries()) {
    const session = sessionOf(killed, runner, `s${at}`);
    runner.script((exchange) => tell(exchange, linesOf(stream)));
    await session.run(runBody("r1"));
    await session.settled("r1");
  }
  killed.kill("SIGKILL");
  await killed.exited;
  const server = await startServer({ env });
  for (const [at, { name, held }] of CASES.entries()) {
    const { path } = sessionOf(server, runner, `s${at}`);
    const expected = { messages: [ASKED, ...held.messages], state: held.state };
    for (const view of ["", "?view=snapshot"]) {
      const followed = await follow("1.0.0", `${server.url}${path}/agui/connect${view}`);
      expect(followed, `${name} ${view}`).toEqual(expected);
    }
  }
});
