import { setImmediate as nextTurn } from "node:timers/promises";
import { describe, expect, it, onTestFinished } from "vitest";
import { createMemoryLogStore } from "../../adapters/memory/index.ts";
import { SessionClient } from "../contract/session-routes/harness.ts";
import { createTestServer } from "../support/test-server.ts";
import { waitFor } from "../support/wait-for.ts";

/** A server that stops while it calls a runner, which answers with `headers` after the stop has begun. */
async function stopWhileCalling(headers: Readonly<Record<string, string>>): Promise<string[]> {
  const memory = createMemoryLogStore();
  const server = await createTestServer({ store: { ...memory, close: async () => {} } });
  onTestFinished(() => server.dispose());
  const session = new SessionClient(server);
  const isStopping = Promise.withResolvers<void>();
  server.runner.script(async (exchange) => {
    await isStopping.promise;
    await exchange.answer(200, { "Content-Type": "text/event-stream", ...headers });
    await exchange.closed;
  });
  await session.run();
  await waitFor(() => server.runner.requests.length === 1, { what: "the run at the runner" });
  const closed = server.service.close();
  // the run is told of the stop
  for (let turn = 0; turn < 50; turn += 1) await nextTurn();
  isStopping.resolve();
  const { orphanedRuns } = await closed;
  expect(await orphanedRuns()).toBe(0);
  const key = { project: "p1", session: "s1" };
  const stat = await memory.stat(key);
  let text = "";
  for await (const bytes of memory.read(key, { logId: stat?.logId ?? "" }))
    text += new TextDecoder().decode(bytes);
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const { type, code }: { type: string; code?: string } = JSON.parse(line);
      return code === undefined ? type : `${type} ${code}`;
    });
}

describe("a run whose runner is being called when the server stops", () => {
  it("is left open if the answer says that it can be taken up", async () => {
    expect((await stopWhileCalling({ "X-Runlog-Resume": "1" })).at(-1)).not.toContain("RUN_ERROR");
  });

  it("is ended if it cannot", async () => {
    expect((await stopWhileCalling({})).at(-1)).toBe("RUN_ERROR server-shutdown");
  });
});
