import { expect, it, onTestFinished } from "vitest";
import { createMemoryLogStore } from "../../adapters/memory/index.ts";
import { finishedEvent, SessionClient, tell } from "../contract/session-routes/harness.ts";
import { createTestServer } from "../support/test-server.ts";

it("a hint and a heartbeat are lines of the frame that comes next: none is without data", async () => {
  const server = await createTestServer({
    store: createMemoryLogStore(),
    limits: { heartbeatMs: 100 },
  });
  onTestFinished(() => server.dispose());
  server.runner.script((exchange) => tell(exchange, [finishedEvent()]));
  const session = new SessionClient(server);
  const { body } = await session.get("/agui/events");
  const reader = body?.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (const [wanted, then] of [
    ["retry:", () => {}],
    [": heartbeat", () => session.run()],
    ["id: ", () => reader?.cancel()],
  ] as const) {
    while (!text.includes(wanted)) {
      const { value, done } = (await reader?.read()) ?? { done: true };
      if (done) throw new Error(`The stream ended after ${text}`);
      text += value;
    }
    await then();
  }
  expect(text).toMatch(/^retry: \d+\n(: heartbeat\n)+data: .+\nid: .+\n\n/);
  for (const frame of text.split("\n\n").slice(0, -1)) expect(frame).toMatch(/^data: /m);
});
