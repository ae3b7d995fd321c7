import { describe, expect, it, onTestFinished } from "vitest";
import { createDiskLogStore } from "../../adapters/disk/index.ts";
import { createMemoryLogStore, createMemoryObjectBucket } from "../../adapters/memory/index.ts";
import { createObjectLogStore } from "../../adapters/object/index.ts";
import { systemClock } from "../../src/entry/system-clock.ts";
import type { LogStore } from "../../src/ports/log-store.ts";
import { collect } from "../contract/outcome.ts";
import {
  expectProblem,
  finishedEvent,
  runBody,
  SessionClient,
  startedEvent,
  tell,
} from "../contract/session-routes/harness.ts";
import { PushingAgent } from "../contract/session-routes/pushed-runs.ts";
import { StreamClient } from "../contract/session-routes/stream-client.ts";
import { createManualClock } from "../support/manual-clock.ts";
import { withFaults } from "../support/store-faults.ts";
import { createTempDir } from "../support/temp-dir.ts";
import { createTestServer, type TestServerOptions } from "../support/test-server.ts";
import { waitFor } from "../support/wait-for.ts";

const IDLE_MS = 300_000;
const custom = (value: unknown): string => JSON.stringify({ type: "CUSTOM", name: "n", value });

type Server = Awaited<ReturnType<typeof createTestServer>>;

async function startServer(options: TestServerOptions): Promise<Server> {
  const server = await createTestServer(options);
  const response = await new StreamClient(server).send("PUT");
  expect([200, 201]).toContain(response.status);
  return server;
}

async function typesOf(session: SessionClient): Promise<string[]> {
  const events = (await session.lines()).map(
    (line) => JSON.parse(line) as { type: string; code?: string },
  );
  return events.map(({ type, code }) => (code === undefined ? type : `${type} ${code}`));
}

describe("a pushed run that falls silent (PROTOCOL 23.8)", () => {
  it("ends with RUN_ERROR producer-lost, and not before", async () => {
    const clock = createManualClock();
    const server = await startServer({ store: createMemoryLogStore(), clock });
    onTestFinished(() => server.dispose());
    const session = new SessionClient(server);
    const agent = new PushingAgent(server);
    await agent.stored([startedEvent("r1")]);
    clock.advance(IDLE_MS - 1);
    await agent.stored([custom(1)]);
    clock.advance(IDLE_MS - 1);
    expect(await typesOf(session)).toEqual(["RUN_STARTED", "CUSTOM"]);
    server.runner.script((exchange) => tell(exchange, [startedEvent("r2"), finishedEvent("r2")]));
    await session.run(runBody("r2"));
    clock.advance(1);
    await waitFor(async () => (await typesOf(session)).includes("RUN_ERROR producer-lost"));
    await waitFor(async () => (await typesOf(session)).at(-1) === "RUN_FINISHED");
    await expectProblem(await agent.push([custom(2)]), 410, /has ended/);
    const { text, isClosed } = await new StreamClient(server, "s1/runs/r1").part();
    expect(isClosed).toBe(true);
    expect(text).toContain('"producer-lost"');
  });
});

/** The same storage, opened again as by the next process. */
type Reopen = () => Promise<LogStore>;

const STORES: Readonly<Record<string, () => Promise<Reopen>>> = {
  "a disk": async () => {
    const dir = await createTempDir();
    onTestFinished(() => dir.remove());
    return async () => createDiskLogStore({ dir: dir.path });
  },
  objects: async () => {
    const bucket = createMemoryObjectBucket();
    return async () =>
      createObjectLogStore({ bucket, clock: systemClock, batchMs: 1, leaseMs: 1_000 });
  },
};

describe.each(Object.entries(STORES))("a pushed run over a restart, on %s", (_name, create) => {
  it("stays open, and its producer goes on where it was", async () => {
    const reopen = await create();
    const events: string[] = [startedEvent("r1")];
    let agent: PushingAgent | null = null;
    for (let turn = 0; turn < 4; turn++) {
      const store = await reopen();
      const server = await startServer({ store });
      const before = agent;
      agent = new PushingAgent(server);
      agent.seq = before?.seq ?? 0;
      if (before === null) await agent.stored(events);
      // the last batch was stored; its answer may have been lost
      else expect((await agent.pushAs([custom("again")], { seq: agent.seq - 1 })).status).toBe(204);
      const document = await (await new SessionClient(server).get("")).json();
      expect(document).toMatchObject({ status: { activeRun: { runId: "r1" } } });
      await agent.stored([custom(turn)]);
      events.push(custom(turn));
      if (turn < 3) {
        await server.dispose();
        continue;
      }
      await agent.stored([finishedEvent("r1")]);
      const session = new SessionClient(server);
      expect(await session.lines()).toEqual([...events, finishedEvent("r1")]);
      await waitFor(async () => (await collect(store.openRuns())).length === 0);
      expect(await session.agentStatus()).toBe("idle");
      await server.dispose();
    }
  });
});

describe("a store that fails", () => {
  it.each([false, true])(
    "takes a batch once, wherever the fault comes (it took effect: %s)",
    async (lands) => {
      for (let at = 1; ; at++) {
        const inner = createMemoryLogStore();
        const faulty = withFaults(inner);
        const server = await startServer({ store: faulty.store });
        const session = new SessionClient(server);
        const agent = new PushingAgent(server);
        faulty.arm({ at, lands, isLasting: false });
        const batches = [[startedEvent("r1"), custom(0)], [custom(1)], [finishedEvent("r1")]];
        for (const [seq, batch] of batches.entries())
          await waitFor(async () => {
            const { status } = await agent.pushAs(batch, { seq });
            expect([200, 204, 500, 503]).toContain(status);
            return status < 300;
          });
        const isOver = faulty.disarm() < at;
        await waitFor(async () => (await session.lines()).length === 4);
        expect(await session.lines()).toEqual(batches.flat());
        await waitFor(async () => (await session.agentStatus()) === "idle");
        await server.dispose();
        if (isOver) {
          expect(at).toBeGreaterThan(5);
          return;
        }
      }
    },
  );
});
