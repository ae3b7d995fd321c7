import { describe, expect, it } from "vitest";
import { createDiskLogStore } from "../../adapters/disk/index.ts";
import { createMemoryLogStore, createMemoryObjectBucket } from "../../adapters/memory/index.ts";
import { createObjectLogStore } from "../../adapters/object/index.ts";
import { systemClock } from "../../src/entry/system-clock.ts";
import type { LogStore } from "../../src/ports/log-store.ts";
import { collect } from "../contract/outcome.ts";
import type { ScriptedExchange } from "../contract/runner-client.ts";
import {
  answerJson,
  expectProblem,
  finishedEvent,
  openRunner,
  runBody,
  SessionClient,
  startedEvent,
  tell,
} from "../contract/session-routes/harness.ts";
import { createManualClock } from "../support/manual-clock.ts";
import { createFastClock } from "../support/fast-clock.ts";
import { type Fault, withFaults } from "../support/store-faults.ts";
import { createTempDir } from "../support/temp-dir.ts";
import { createTestServer } from "../support/test-server.ts";
import { waitFor } from "../support/wait-for.ts";

const RUN = "second";

const STORES: Readonly<
  Record<string, () => Promise<{ store: LogStore; remove: () => Promise<void> }>>
> = {
  memory: async () => ({ store: createMemoryLogStore(), remove: async () => {} }),
  "a disk": async () => {
    const dir = await createTempDir();
    return { store: createDiskLogStore({ dir: dir.path }), remove: () => dir.remove() };
  },
  objects: async () => ({
    store: createObjectLogStore({
      bucket: createMemoryObjectBucket(),
      clock: systemClock,
      batchMs: 1,
    }),
    remove: async () => {},
  }),
};

const FAULTS: Readonly<Record<string, Omit<Fault, "at">>> = {
  "fails once": { lands: false, isLasting: false },
  "fails once although it took effect": { lands: true, isLasting: false },
  "fails from then on": { lands: false, isLasting: true },
  "fails from then on, the first time although it took effect": { lands: true, isLasting: true },
};

/** What the log has of the run, by its events' types and codes. */
async function eventsOf(session: SessionClient): Promise<string[]> {
  const events = (await session.lines()).map(
    (line) => JSON.parse(line) as { type: string; runId?: string; code?: string },
  );
  return events
    .filter(({ runId }) => runId === RUN)
    .map(({ type, code }) => (code === undefined ? type : `${type} ${code}`));
}

function runIdOf({ request }: ScriptedExchange): string {
  const { runId } = JSON.parse(new TextDecoder().decode(request.body)) as { runId: string };
  return runId;
}

type Server = Awaited<ReturnType<typeof createTestServer>>;

const startServer = (store: LogStore): Promise<Server> =>
  createTestServer({ store, clock: createFastClock(100) });

/** Has the runner end each run at once. */
function endRuns(server: Server): void {
  server.runner.script((exchange) => {
    const runId = runIdOf(exchange);
    return tell(exchange, [startedEvent(runId), finishedEvent(runId)]);
  });
}

/** How often the run has reached a runner. */
function reached({ runner }: Server): number {
  return runner.requests.filter(({ body }) => new TextDecoder().decode(body).includes(`"${RUN}"`))
    .length;
}

/** What was refused has left nothing that is open: not in the log, the marks or the status. */
async function expectNothingOpen(session: SessionClient, store: LogStore): Promise<void> {
  await waitFor(async () => {
    const events = await eventsOf(session);
    const isEnded = events.length === 0 || /^RUN_(ERROR|FINISHED)/.test(events.at(-1) ?? "");
    const marks = await collect(store.openRuns());
    return isEnded && marks.length === 0 && (await session.agentStatus()) === "idle";
  });
}

async function expectRuns(server: Server, session: SessionClient): Promise<void> {
  const before = reached(server);
  await session.run(runBody(RUN));
  await waitFor(async () => (await eventsOf(session)).at(-1) === "RUN_FINISHED");
  expect(reached(server)).toBe(before + 1);
  await waitFor(async () => (await session.agentStatus()) === "idle");
}

/** Fails at each call of the store in turn, until a run is admitted without getting that far. */
async function eachCall(
  open: () => Promise<{ store: LogStore; remove: () => Promise<void> }>,
  trial: (inner: LogStore, at: number) => Promise<"over" | "on">,
): Promise<number> {
  for (let at = 1; ; at++) {
    const { store, remove } = await open();
    try {
      if ((await trial(store, at)) === "over") return at;
    } catch (cause) {
      throw new Error(`with a fault at call ${at} of the store`, { cause });
    } finally {
      await store.close();
      await remove();
    }
  }
}

describe.each(Object.entries(STORES))("a run that is posted to a store on %s", (_name, open) => {
  describe.each(Object.entries(FAULTS))("that %s", (_what, fault) => {
    it("is known only if it runs or was ended, wherever the fault comes", async () => {
      const calls = await eachCall(open, async (inner, at) => {
        const faulty = withFaults(inner);
        const server = await startServer(faulty.store);
        const session = new SessionClient(server);
        endRuns(server);
        await session.run(runBody("first"));
        await session.settled("first");
        await waitFor(async () => (await collect(inner.openRuns())).length === 0);
        faulty.arm({ at, ...fault });
        const { status } = await session.post("/agui/run", runBody(RUN));
        const isOver = faulty.disarm() < at;
        if (status === 200) {
          await waitFor(async () => (await eventsOf(session)).at(-1) === "RUN_FINISHED");
          expect(reached(server)).toBe(1);
        } else {
          expect(status).toBe(503);
          await expectNothingOpen(session, inner);
          expect(reached(server)).toBe(0);
          await expectRuns(server, session);
        }
        await server.service.close();
        await server.runner.close();
        return isOver ? "over" : "on";
      });
      expect(calls).toBeGreaterThan(4);
    });

    it("is known only if it runs or was ended, also when it has to wait", async () => {
      await eachCall(open, async (inner, at) => {
        const faulty = withFaults(inner);
        const server = await startServer(faulty.store);
        const session = new SessionClient(server);
        const active = await openRunner(server, () => session.run(runBody("first")));
        endRuns(server);
        faulty.arm({ at, ...fault });
        const { status } = await session.post("/agui/run", runBody(RUN));
        const isOver = faulty.disarm() < at;
        await active.write(`data: ${startedEvent("first")}\n\n`);
        await active.write(`data: ${finishedEvent("first")}\n\n`);
        await active.end();
        if (status === 200) {
          await waitFor(async () => (await eventsOf(session)).at(-1) === "RUN_FINISHED");
          expect(reached(server)).toBe(1);
        } else {
          await expectNothingOpen(session, inner);
          expect(reached(server)).toBe(0);
          await expectRuns(server, session);
        }
        await server.service.close();
        await server.runner.close();
        return isOver ? "over" : "on";
      });
    });
  });

  it("leaves no session that was not there before, if nothing was stored of it", async () => {
    await eachCall(open, async (inner, at) => {
      const faulty = withFaults(inner);
      const server = await startServer(faulty.store);
      const session = new SessionClient(server);
      endRuns(server);
      faulty.arm({ at, lands: false, isLasting: false });
      const { status } = await session.post("/agui/run", runBody(RUN));
      const isOver = faulty.disarm() < at;
      if (status !== 200) {
        const { items } = await inner.list();
        if (items.length > 0) await expectNothingOpen(session, inner);
        for (const key of items) expect((await inner.stat(key))?.end.raw).toBeGreaterThan(0);
        await expectRuns(server, session);
      }
      await server.service.close();
      await server.runner.close();
      return isOver ? "over" : "on";
    });
  });

  it("leaves nothing open when the process dies at any call", async () => {
    await eachCall(open, async (inner, at) => {
      const faulty = withFaults(inner);
      const first = await startServer(faulty.store);
      endRuns(first);
      const before = new SessionClient(first);
      await before.run(runBody("first"));
      await before.settled("first");
      await waitFor(async () => (await collect(inner.openRuns())).length === 0);
      faulty.arm({ at, lands: false, isLasting: true });
      const { status } = await before.post("/agui/run", runBody(RUN));
      const isOver = status === 200;
      // from here on the process can do nothing any more
      faulty.arm({ at: 1, lands: false, isLasting: true });
      const second = await startServer(inner);
      endRuns(second);
      const session = new SessionClient(second);
      await expectNothingOpen(session, inner);
      await session.run(runBody(RUN));
      await expectNothingOpen(session, inner);
      expect((await eventsOf(session)).at(-1)).toMatch(/^RUN_(FINISHED|ERROR)/);
      if (!isOver) expect(reached(second)).toBe(1);
      for (const server of [first, second]) {
        await server.service.close();
        await server.runner.close();
      }
      return isOver ? "over" : "on";
    });
  });
});

it("a run that a dead process has left is not run again before its end is stored", async () => {
  const inner = createMemoryLogStore();
  const faulty = withFaults(inner);
  const first = await startServer(faulty.store);
  await openRunner(first, () => new SessionClient(first).run(runBody(RUN)));
  // from here on the process can do nothing any more
  faulty.arm({ at: 1, lands: false, isLasting: true });
  let isFound = false;
  const clock = createManualClock();
  const second = await createTestServer({
    clock,
    store: {
      ...inner,
      async *openRuns(key) {
        if (isFound) yield* inner.openRuns(key);
      },
    },
  });
  endRuns(second);
  const session = new SessionClient(second);
  isFound = true;
  await expectProblem(
    await session.post("/agui/run", runBody(RUN)),
    503,
    "The run was posted before and has not been ended; try again",
  );
  await waitFor(async () => {
    clock.advance(60_000);
    return (await eventsOf(session)).at(-1)?.startsWith("RUN_ERROR");
  });
  expect((await session.post("/agui/run", runBody(RUN))).status).toBe(200);
  expect(second.runner.requests.filter(({ method }) => method === "POST")).toEqual([]);
  for (const server of [first, second]) {
    await server.service.close();
    await server.runner.close();
  }
});

describe.each(Object.entries(STORES))("feedback to a store on %s", (_name, open) => {
  it("leaves no session that was not there before, if nothing was stored of it", async () => {
    let refused = 0;
    await eachCall(open, async (inner, at) => {
      const faulty = withFaults(inner);
      const server = await startServer(faulty.store);
      const session = new SessionClient(server);
      server.runner.script((exchange) => answerJson(exchange, 200, {}), "feedback");
      faulty.arm({ at, lands: false, isLasting: false });
      const response = await session.post("/agui/feedback", '{"type":"META"}');
      const isOver = faulty.disarm() < at;
      const { message } = (await response.json()) as { message?: string };
      const isStored = message === "Feedback submitted";
      expect((await inner.list()).items).toHaveLength(isStored ? 1 : 0);
      if (!isStored) refused++;
      await server.service.close();
      await server.runner.close();
      return isOver ? "over" : "on";
    });
    expect(refused).toBeGreaterThan(0);
  });
});
