import { expect, it, onTestFinished } from "vitest";
import { createMemoryLogStore } from "../../adapters/memory/index.ts";
import { SseReader } from "../contract/read-sse.ts";
import {
  finishedEvent,
  openRunner,
  runBody,
  SessionClient,
  startedEvent,
  tell,
} from "../contract/session-routes/harness.ts";
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

it.each(["run", "connect"])(
  "%s sends a comment soon where it has nothing else, so that no proxy holds its head back",
  async (route) => {
    const server = await createTestServer({
      store: createMemoryLogStore(),
      limits: { heartbeatMs: 3_600_000 },
    });
    onTestFinished(() => server.dispose());
    const session = new SessionClient(server);
    const run = (): Promise<Response> =>
      session.post(`/agui/${route}`, runBody(), { Accept: "text/event-stream" });
    let response: Response | undefined;
    const runner = await openRunner(server, async () => {
      if (route === "connect") await session.run();
      response = await run();
    });
    const sse = new SseReader(response!.body!);
    expect(await sse.frame()).toMatchObject({ comments: ["heartbeat"], data: null });
    await runner.write(`data: ${startedEvent()}\n\n`);
    expect((await sse.event())?.data).toContain("RUN_STARTED");
    await runner.end();
  },
);
