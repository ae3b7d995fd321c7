import { expect, it, onTestFinished } from "vitest";
import { createMemoryLogStore } from "../../adapters/memory/index.ts";
import {
  openRunner,
  runBody,
  SessionClient,
  startedEvent,
} from "../contract/session-routes/harness.ts";
import { waitFor } from "../contract/wait-for.ts";
import { createTestServer } from "../support/test-server.ts";

it("without a cluster, to stop a session cancels the run that goes on and those that wait", async () => {
  const server = await createTestServer({ store: createMemoryLogStore() });
  onTestFinished(() => server.dispose());
  const session = new SessionClient(server);
  const runner = await openRunner(server, () => session.run(runBody("active")));
  await runner.write(`data: ${startedEvent("active")}\n\n`);
  await waitFor(async () => (await session.lines()).includes(startedEvent("active")));
  await session.run(runBody("waiting"));
  expect((await session.post("/stop", "{}")).status).toBe(202);
  await runner.closed;
  const ends = (await session.settled("waiting"))
    .map((line) => JSON.parse(line) as Record<string, unknown>)
    .filter(({ type }) => type === "RUN_FINISHED");
  const outcome = { type: "cancelled" };
  expect(ends).toMatchObject([
    { runId: "active", outcome },
    { runId: "waiting", outcome },
  ]);
});
