import { describe, expect, it } from "vitest";
import { createMemoryLogStore } from "../../adapters/memory/index.ts";
import { SseReader } from "../contract/read-sse.ts";
import {
  finishedEvent,
  openRunner,
  SessionClient,
  startedEvent,
} from "../contract/session-routes/harness.ts";
import { waitFor } from "../contract/wait-for.ts";
import { createManualClock } from "../support/manual-clock.ts";
import { createTestServer } from "../support/test-server.ts";

const MINUTE = 60_000;
const STEPS = 12;

/** Lets minutes pass in small steps, with a turn of the event loop after each for those who read. */
async function pass(clock: { advance(ms: number): void }, minutes: number): Promise<void> {
  for (let step = 0; step < minutes * STEPS; step++) {
    clock.advance(MINUTE / STEPS);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describe("a session over hours", () => {
  it("keeps its run, its status and its viewers while the run is silent for three hours, and nothing afterwards", async () => {
    const clock = createManualClock();
    const server = await createTestServer({ store: createMemoryLogStore(), clock });
    const session = new SessionClient(server);
    const runner = await openRunner(server, () => session.run());
    await runner.write(`data: ${startedEvent()}\n\n`);
    const { response, sse } = await session.watch();
    expect(response.status).toBe(200);
    await sse.events(2);
    const last = sse.events(1);

    await pass(clock, 180);
    expect(await session.agentStatus()).toBe("working");
    expect(server.service.sessions.size).toBe(1);
    expect(server.service.runs.activeRun({ project: "p1", session: "s1" })?.runId).toBe("r");

    await runner.write(`data: ${finishedEvent()}\n\n`);
    await runner.end();
    expect((await last)[0]?.data).toBe(finishedEvent());
    await sse.cancel();
    await waitFor(() => server.service.sessions.used === 0);
    expect(await session.agentStatus()).toBe("idle");

    await pass(clock, 9);
    expect(server.service.sessions.size).toBe(1);
    await pass(clock, 5);
    expect(server.service.sessions.size).toBe(0);
    expect(server.service.runs.busySessions).toBe(0);
    // what was released comes back when it is asked for
    expect(await session.agentStatus()).toBe("idle");
    await server.dispose();
  });

  it("leaves nothing of 1,000 sessions that were watched once", async () => {
    const clock = createManualClock();
    const store = createMemoryLogStore();
    const server = await createTestServer({ store, clock });
    for (let i = 0; i < 1_000; i++) {
      const key = { project: "p1", session: `s${i}` };
      const { logId } = await store.create(key);
      await store.append(key, new TextEncoder().encode('{"type":"CUSTOM"}\n'), {
        logId,
        expectedEnd: 0,
      });
      const { body } = await new SessionClient(server, key.session).get("/agui/events");
      const sse = new SseReader(body ?? new ReadableStream());
      await sse.events(1);
      await sse.cancel();
    }
    await waitFor(() => server.service.sessions.used === 0);
    expect(server.service.pacer.open).toBe(0);
    await pass(clock, 15);
    expect(server.service.sessions.size).toBe(0);
    await server.dispose();
  });

  it("leaves nothing at all of sessions that do not exist", async () => {
    const server = await createTestServer({ store: createMemoryLogStore() });
    for (let i = 0; i < 100; i++) {
      const { sse } = await new SessionClient(server, `nobody-${i}`).watch();
      await sse.frame();
      await sse.cancel();
    }
    expect(server.service.sessions.size).toBe(0);
    await server.dispose();
  });
});
