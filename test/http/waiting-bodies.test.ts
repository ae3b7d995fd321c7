import { describe, expect, it } from "vitest";
import { createMemoryLogStore } from "../../adapters/memory/index.ts";
import type { LogStore } from "../../src/ports/log-store.ts";
import {
  finishedEvent,
  openRunner,
  SessionClient,
  tell,
} from "../contract/session-routes/harness.ts";
import { createTestServer } from "../support/test-server.ts";
import { waitFor } from "../support/wait-for.ts";

const BODY_BUDGET = 1024 * 1024;
const FILLER = "y".repeat(300_000);
const body = (runId: string): string =>
  `{"runId":"${runId}","state":{"x":"${FILLER}"},"messages":[]}`;

/** A store that counts the bodies in it. */
function countingStore() {
  const memory = createMemoryLogStore();
  const bodies = new Set<string>();
  const store: LogStore = {
    ...memory,
    async putRunBody(key, logId, runId, pieces) {
      await memory.putRunBody(key, logId, runId, pieces);
      bodies.add(runId);
    },
    async removeRunBody(key, logId, runId) {
      await memory.removeRunBody(key, logId, runId);
      bodies.delete(runId);
    },
  };
  return { store, bodies };
}

describe("the bodies of runs that wait", () => {
  it("are held by the store: more of them wait than the server has memory for bodies", async () => {
    const { store, bodies } = countingStore();
    const server = await createTestServer({ store, limits: { bodyBudgetBytes: BODY_BUDGET } });
    const session = new SessionClient(server);
    const active = await openRunner(server, () => session.run('{"runId":"a","messages":[]}'));
    for (let i = 0; i < 8; i++) await session.run(body(`w${i}`));
    await waitFor(() => server.service.bodyBudget.usedBytes === 0);
    expect(bodies.size).toBe(8);
    server.runner.script((exchange) => {
      const { runId } = JSON.parse(new TextDecoder().decode(exchange.request.body)) as {
        runId: string;
      };
      return tell(exchange, [finishedEvent(runId)]);
    });
    await active.write(`data: ${finishedEvent("a")}\n\n`);
    await active.end();
    await session.settled("w7");
    const sent = server.runner.requests
      .slice(1)
      .map((request) => new TextDecoder().decode(request.body));
    expect(sent.map((text) => text.replace(/,?"threadId":"s1",?/, ""))).toEqual(
      Array.from({ length: 8 }, (_, i) => body(`w${i}`).replace(/^\{,/, "{")),
    );
    await waitFor(() => bodies.size === 0);
    await server.dispose();
  });

  it("go when the server stops, or their session does", async () => {
    for (const how of ["stop", "delete"] as const) {
      const { store, bodies } = countingStore();
      const server = await createTestServer({ store });
      const session = new SessionClient(server);
      await openRunner(server, () => session.run('{"runId":"a","messages":[]}'));
      await session.run(body("w"));
      expect(bodies.size).toBe(1);
      if (how === "delete") expect((await session.get("", {}, "DELETE")).status).toBe(204);
      else await server.service.close();
      await waitFor(() => bodies.size === 0);
      await server.dispose();
    }
  });
});
