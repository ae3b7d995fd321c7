import { describe, expect, it } from "vitest";
import { createMemoryLogStore } from "../../adapters/memory/index.ts";
import type { ServiceLimits } from "../../src/core/service.ts";
import { expectProblem, SessionClient } from "../contract/session-routes/harness.ts";
import { createManualClock } from "../support/manual-clock.ts";
import { createTestServer } from "../support/test-server.ts";
import { waitFor } from "../support/wait-for.ts";

/** A server whose runner writes a task's output without end, and says when it was released. */
async function setUp(limits: Partial<ServiceLimits>) {
  const clock = createManualClock();
  const server = await createTestServer({ store: createMemoryLogStore(), clock, limits });
  const state = { isClosed: false };
  server.runner.script(async (exchange) => {
    await exchange.answer(200, { "content-type": "application/json" });
    await exchange.write('{"output":[');
    await exchange.closed;
    state.isClosed = true;
  }, "tasks/t/output");
  const get = () => new SessionClient(server).get("/agui/tasks/t/output");
  return { clock, get, server, state };
}

describe("an answer of the runner that is passed on", () => {
  it("counts as a stream: with as many open as there may be the runner is not asked", async () => {
    const { get, server, state } = await setUp({ maxStreams: 1 });
    const first = await get();
    const second = await get();
    expect(second.headers.get("Retry-After")).not.toBeNull();
    await expectProblem(second, 503, "Too many streams are open");
    expect(server.runner.requests).toHaveLength(1);
    await first.body?.cancel();
    await waitFor(() => state.isClosed);
    expect(server.service.pacer.open).toBe(0);
    await server.dispose();
  });

  it("ends with an error when its client does not read, and lets the runner go", async () => {
    const { clock, get, server, state } = await setUp({ writeDeadlineMs: 30_000 });
    const reader = (await get()).body?.getReader();
    await reader?.read();
    clock.advance(29_000);
    expect(server.service.pacer.open).toBe(1);
    clock.advance(2_000);
    expect(server.service.pacer.open).toBe(0);
    await expect(Promise.resolve(reader?.read())).rejects.toThrow();
    await waitFor(() => state.isClosed);
    await server.dispose();
  });

  it("is broken off when the server stops: what ends is whole", async () => {
    const { get, server, state } = await setUp({});
    const reader = (await get()).body?.getReader();
    await reader?.read();
    const rest = Promise.resolve(reader?.read());
    const broken = expect(rest).rejects.toThrow();
    await server.service.close();
    await broken;
    await waitFor(() => state.isClosed);
    // and what begins after that
    await expectProblem(await get(), 503, "Server is shutting down");
    await server.dispose();
  });
});
