import { expect, it, onTestFinished } from "vitest";
import { createMemoryLogStore } from "../../adapters/memory/index.ts";
import {
  finishedEvent,
  openRunner,
  runBody,
  SessionClient,
  startedEvent,
} from "../contract/session-routes/harness.ts";
import { createManualClock } from "../support/manual-clock.ts";
import { createTestServer } from "../support/test-server.ts";

/** Less than a viewer that does not read gets. */
const MAX_MS = 20_000;

async function start() {
  const clock = createManualClock();
  const store = createMemoryLogStore();
  const server = await createTestServer({ store, clock, limits: { runMaxMs: MAX_MS } });
  onTestFinished(() => server.dispose());
  return { server, clock, session: new SessionClient(server) };
}

it("a run that takes longer than it may ends, whatever its runner still says (5.6)", async () => {
  const { server, clock, session } = await start();
  const runner = await openRunner(server, () => session.run());
  await runner.write(`data: ${startedEvent()}\n\n`);
  const { sse } = await session.watch();
  await sse.events(2);
  clock.advance(MAX_MS - 1);
  await runner.write('data: {"type":"CUSTOM","name":"n","value":1}\n\n');
  await sse.events(1);
  clock.advance(1);
  const [end] = await sse.events(1);
  expect(JSON.parse(end?.data ?? "")).toMatchObject({
    type: "RUN_ERROR",
    runId: "r",
    code: "run-too-long",
    message: "Run took longer than it may",
  });
  await runner.closed;
  await sse.cancel();
  expect(await session.agentStatus()).toBe("idle");
});

it("a run that has finished in time is not touched, nor is the one after it", async () => {
  const { server, clock, session } = await start();
  const first = await openRunner(server, () => session.run(runBody("first")));
  await first.write(`data: ${startedEvent("first")}\n\ndata: ${finishedEvent("first")}\n\n`);
  await first.end();
  await session.settled("first");
  clock.advance(MAX_MS / 2);
  const second = await openRunner(server, () => session.run(runBody("second")));
  await second.write(`data: ${startedEvent("second")}\n\n`);
  const { sse } = await session.watch("?view=raw");
  await sse.until(({ data }) => data === startedEvent("second"));
  clock.advance(MAX_MS / 2 + 1);
  await second.write(`data: ${finishedEvent("second")}\n\n`);
  await second.end();
  await sse.until(({ data }) => data === finishedEvent("second"));
  await sse.cancel();
  expect((await session.lines()).join()).not.toContain("RUN_ERROR");
});
