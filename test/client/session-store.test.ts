import { expect, it, onTestFinished, vi } from "vitest";
import { createMemoryLogStore } from "../../adapters/memory/index.ts";
import { RunlogAgent } from "../../src/client/agent.ts";
import { SessionStore, type SessionView } from "../../src/client/session-store.ts";
import type { ScriptedExchange } from "../contract/runner-client.ts";
import {
  finishedEvent,
  SessionClient,
  startedEvent,
  tell,
} from "../contract/session-routes/harness.ts";
import { listenTestServer } from "../support/test-server.ts";
import { waitFor } from "../support/wait-for.ts";

async function freshServer() {
  const server = await listenTestServer({ store: createMemoryLogStore() });
  onTestFinished(() => server.dispose());
  return server;
}

type Server = Awaited<ReturnType<typeof freshServer>>;

/** A store of the session `s1` to which somebody is subscribed, as a component is. */
function mount(server: Server) {
  const url = `${server.origin}/api/projects/p1/agentic-sessions`;
  const store = new SessionStore(new RunlogAgent({ url, threadId: "s1" }));
  const views: SessionView[] = [];
  const unmount = store.subscribe(() => void views.push(store.view()));
  onTestFinished(unmount);
  /** Waits until the page shows something. */
  const shows = (what: string, isSo: (view: SessionView) => boolean): Promise<true> =>
    waitFor(() => isSo(store.view()), { what });
  return { store, views, unmount, shows };
}

/** Answers with a run that says `delta`; the exchange is for the test to end. */
async function say(exchange: ScriptedExchange, delta: string): Promise<{ runId: string }> {
  const { runId } = JSON.parse(new TextDecoder().decode(exchange.request.body)) as {
    runId: string;
  };
  const text = { type: "TEXT_MESSAGE_CHUNK", messageId: `a-${runId}`, role: "assistant", delta };
  await exchange.answer(200, { "Content-Type": "text/event-stream" });
  await exchange.write(`data: ${startedEvent(runId)}\n\ndata: ${JSON.stringify(text)}\n\n`);
  return { runId };
}

const textsOf = ({ messages }: SessionView): unknown[] =>
  messages.map((message) => ("content" in message ? message.content : null));

it("shows what is sent, the run while it goes on, and its end", async () => {
  const server = await freshServer();
  const ended = Promise.withResolvers<void>();
  server.runner.script(async (exchange) => {
    const { runId } = await say(exchange, "Hello");
    await ended.promise;
    await exchange.write(`data: ${finishedEvent(runId)}\n\n`);
    await exchange.end();
  });
  const { store, shows } = mount(server);
  expect(store.view().status).toBe("connecting");
  await shows("that nothing goes on", ({ status }) => status === "idle");
  const sending = store.send("hi");
  expect(store.view()).toMatchObject({ status: "working", messages: [{ content: "hi" }] });
  await sending;
  await shows("the answer", (view) => textsOf(view).includes("Hello"));
  expect(store.view().status).toBe("working");
  ended.resolve();
  await shows("the end", ({ status }) => status === "idle");
  expect(textsOf(store.view())).toEqual(["hi", "Hello"]);
  expect(store.view()).toBe(store.view());
});

it("sends what is sent while a run goes on at once, and shows one run after the other", async () => {
  const server = await freshServer();
  const ended = Promise.withResolvers<void>();
  let runs = 0;
  server.runner.script(async (exchange) => {
    const { runId } = await say(exchange, `answer ${++runs}`);
    if (runs === 1) await ended.promise;
    await exchange.write(`data: ${finishedEvent(runId)}\n\n`);
    await exchange.end();
  });
  const { store, shows } = mount(server);
  await store.send("one");
  await shows("the first answer", (view) => textsOf(view).includes("answer 1"));
  await store.send("two");
  expect(textsOf(store.view())).toEqual(["one", "answer 1", "two"]);
  expect(await new SessionClient(server).lines()).toContainEqual(expect.stringContaining('"two"'));
  ended.resolve();
  await shows("that nothing goes on", ({ status }) => status === "idle");
  expect(textsOf(store.view())).toHaveLength(4);
  expect(new Set(textsOf(store.view()))).toEqual(new Set(["one", "two", "answer 1", "answer 2"]));
});

it("finds the run that goes on when its page is loaded anew, and cancels it", async () => {
  const server = await freshServer();
  server.runner.script(async (exchange) => {
    await say(exchange, "Hello");
    await exchange.closed;
  });
  const first = mount(server);
  await first.store.send("hi");
  await first.shows("the answer", (view) => textsOf(view).includes("Hello"));
  first.unmount();
  const second = mount(server);
  await second.shows("the answer", (view) => textsOf(view).includes("Hello"));
  expect(second.store.view().status).toBe("working");
  second.store.cancel();
  await second.shows("the end", ({ status }) => status === "idle");
  expect(second.store.view().error).toBeNull();
});

it("is followed by one stream, however often its component is mounted in a row", async () => {
  const server = await freshServer();
  server.runner.script(async (exchange) => {
    await say(exchange, "Hello");
    await exchange.closed;
  });
  await new SessionClient(server).run();
  const { store, unmount, shows } = mount(server);
  unmount();
  const again = store.subscribe(() => {});
  await shows("the answer", (view) => textsOf(view).includes("Hello"));
  expect(textsOf(store.view())).toEqual(["hi", "Hello"]);
  expect(server.service.pacer.open).toBe(1);
  again();
  await waitFor(() => server.service.pacer.open === 0, { what: "that it is left" });
});

it("says why a run failed, and why one was refused", async () => {
  vi.spyOn(console, "error").mockImplementation(() => {});
  const server = await freshServer();
  server.runner.script((exchange) =>
    tell(exchange, [JSON.stringify({ type: "RUN_ERROR", message: "No model answers", code: "x" })]),
  );
  const { store, shows } = mount(server);
  await store.send("hi");
  await shows("the error", ({ error }) => error?.message === "No model answers");
  const refused = { tools: "none" } as unknown as { tools: [] };
  await expect(store.send("more", refused)).rejects.toMatchObject({ status: 400 });
  expect(store.view().error).toMatchObject({ code: "invalid-input" });
  expect(textsOf(store.view())).toEqual(["hi"]);
});
