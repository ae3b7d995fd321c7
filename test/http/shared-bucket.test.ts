import { expect, it } from "vitest";
import { createMemoryObjectBucket } from "../../adapters/memory/index.ts";
import { createObjectLogStore } from "../../adapters/object/index.ts";
import { systemClock } from "../../src/entry/system-clock.ts";
import {
  finishedEvent,
  runBody,
  SessionClient,
  startedEvent,
  tell,
} from "../contract/session-routes/harness.ts";
import { createTestServer } from "../support/test-server.ts";
import { waitFor } from "../support/wait-for.ts";

it("a session that goes to and fro between two servers has every run once, and the right state", async () => {
  const bucket = createMemoryObjectBucket();
  const open = () =>
    createTestServer({
      store: createObjectLogStore({
        bucket,
        clock: systemClock,
        batchMs: 5,
        idleMs: 50,
        garbageMs: 5,
      }),
    });
  const servers = [await open(), await open()];
  const want: string[] = [];
  for (let i = 0; i < 6; i++) {
    const server = servers[i % 2];
    if (server === undefined) throw new Error("There are two");
    const run = `r${i}`;
    const events = [startedEvent(run), finishedEvent(run)];
    server.runner.script((exchange) => tell(exchange, events));
    const session = new SessionClient(server);
    // the other one keeps it for a moment
    await waitFor(async () => {
      const answer = await session.post("/agui/run", runBody(run));
      await answer.body?.cancel();
      if (answer.status === 503) expect(answer.headers.get("Retry-After")).toMatch(/^\d+$/);
      return answer.status === 200;
    });
    const lines = await session.settled(run);
    want.push(lines.at(-3) ?? "", ...events);
    expect(lines).toEqual(want);
    expect(lines.at(-3)).toContain(`m-${run}`);
    await waitFor(async () => (await session.agentStatus()) === "idle");
  }
  for (const server of servers) {
    expect(await new SessionClient(server).lines()).toEqual(want);
    expect(await new SessionClient(server).agentStatus()).toBe("idle");
  }
  for (const server of servers) await server.dispose();
});
