import { beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { createMemoryLogStore } from "../../adapters/memory/index.ts";
import type { RunlogAgent, RunlogAgentConfig } from "../../src/client/agent.ts";
import type { ScriptedExchange } from "../contract/runner-client.ts";
import {
  answerJson,
  finishedEvent,
  openRunner,
  SessionClient,
  startedEvent,
  tell,
} from "../contract/session-routes/harness.ts";
import { loadAgents, viewOf } from "../support/runlog-agents.ts";
import { startTcpProxy } from "../support/tcp-proxy.ts";
import { listenTestServer } from "../support/test-server.ts";
import { waitFor } from "../support/wait-for.ts";

const HI = { id: "m", role: "user", content: "hi" } as const;
const SESSIONS = "/api/projects/p1/agentic-sessions";
const GENERATIONS = await loadAgents();
const LATEST = GENERATIONS.at(-1)!;

beforeEach(() => {
  // clients say what they think of a stream that fails
  for (const method of ["warn", "error"] as const)
    vi.spyOn(console, method).mockImplementation(() => {});
});

const text = (delta: string): string =>
  JSON.stringify({ type: "TEXT_MESSAGE_CHUNK", messageId: "a", role: "assistant", delta });

async function freshServer() {
  const server = await listenTestServer({ store: createMemoryLogStore() });
  onTestFinished(() => server.dispose());
  return server;
}

type Server = Awaited<ReturnType<typeof freshServer>>;

/** An agent for the session `s1` of an origin. */
function agentAt(
  origin: string,
  config: Partial<RunlogAgentConfig> = {},
  { RunlogAgent: Agent } = LATEST,
): RunlogAgent {
  const url = `${origin}${SESSIONS}`;
  return new Agent({ url, threadId: "s1", initialMessages: [HI], ...config });
}

/** A run of which the runner has said one word, and whose end is for the test to say. */
async function startedRun(server: Server, agent: RunlogAgent) {
  let running!: Promise<unknown>;
  const exchange: ScriptedExchange = await openRunner(server, async () => {
    running = agent.runAgent({ runId: "r" });
    await waitFor(() => server.runner.requests.length > 0, { what: "the run at its runner" });
  });
  await exchange.write(`data: ${startedEvent("r")}\n\ndata: ${text("Hello")}\n\n`);
  await waitFor(() => agent.messages.some(({ id }) => id === "a"), { what: "the first word" });
  return { exchange, running };
}

/** The last event of the log. */
const lastEvent = async (server: Server): Promise<unknown> =>
  JSON.parse((await new SessionClient(server).lines()).at(-1)!);

describe.each(GENERATIONS)("an agent over $version", (generation) => {
  it("cancels the run on the server, and ends as the server says", async () => {
    const server = await freshServer();
    const agent = agentAt(server.origin, {}, generation);
    const { exchange, running } = await startedRun(server, agent);
    agent.abortRun();
    await running;
    await exchange.closed;
    expect(viewOf(agent, generation.version)).toMatchObject({
      messages: [HI, { content: "Hello" }],
    });
    expect(await lastEvent(server)).toMatchObject({
      type: "RUN_FINISHED",
      outcome: { type: "cancelled" },
    });
  });

  it("has nothing of a session that is new", async () => {
    const server = await freshServer();
    const agent = agentAt(server.origin, { initialMessages: [] }, generation);
    await agent.connectAgent();
    expect(agent.messages).toEqual([]);
    expect(agent.isRunning).toBe(false);
  });

  it("drops what it has of a run that the server tells anew", async () => {
    const agent = agentAt("http://anywhere.invalid", { fetch: toldAnew("run") }, generation);
    const told: string[] = [];
    agent.subscribe({ onEvent: ({ event }) => void told.push(event.type) });
    await agent.runAgent({ runId: "r" });
    expect(viewOf(agent, generation.version)).toEqual({
      messages: [HI, { id: "b", role: "user", content: "too" }, { ...SAID, content: "Hello" }],
      state: { n: 2 },
    });
    expect(told).not.toContain("CUSTOM");
    expect(told.filter((type) => type === "RUN_STARTED")).toHaveLength(1);
  });

  it("drops what it has of a session that the server tells anew", async () => {
    const config = { fetch: toldAnew("connect"), initialMessages: [] };
    const agent = agentAt("http://anywhere.invalid", config, generation);
    await agent.connectAgent();
    expect(viewOf(agent, generation.version)).toEqual({
      messages: [
        { id: "b", role: "user", content: "too" },
        { ...SAID, content: "Hello" },
      ],
      state: { n: 2 },
    });
  });
});

const SAID = { id: "a", role: "assistant" };

/** A server that loses the frames that it has sent: asked for what follows them, it begins anew. */
function toldAnew(route: "run" | "connect") {
  const events = (place: string, runId: string, state: object, delta: string): string => {
    const ids = { threadId: "s1", runId };
    const input = {
      ...ids,
      tools: [],
      context: [],
      messages: [{ id: "b", role: "user", content: "too" }],
    };
    return [
      { type: "RUN_STARTED", ...ids, input },
      { type: "STATE_SNAPSHOT", snapshot: state },
      { type: "REASONING_START", messageId: "p" },
      { type: "STEP_STARTED", stepName: "s" },
      { type: "TEXT_MESSAGE_START", messageId: "a", role: "assistant" },
      { type: "TEXT_MESSAGE_CONTENT", messageId: "a", delta },
    ]
      .map((event, at) => `id: ${place}.${at}\ndata: ${JSON.stringify(event)}\n\n`)
      .join("");
  };
  const end = [
    { type: "TEXT_MESSAGE_END", messageId: "a" },
    { type: "STEP_FINISHED", stepName: "s" },
    { type: "REASONING_END", messageId: "p" },
    { type: "RUN_FINISHED", threadId: "s1", runId: route === "run" ? "r" : "r2" },
  ].map((event) => `data: ${JSON.stringify(event)}\n\n`);
  const answer = (body: string, headers: Record<string, string> = {}): Response =>
    new Response(body, { headers: { "Content-Type": "text/event-stream", ...headers } });
  return async (url: string, { headers }: RequestInit): Promise<Response> => {
    if (!url.endsWith(`/agui/${route}`)) return Response.json({ status: {} });
    const lastId = new Headers(headers).get("Last-Event-ID");
    if (lastId === null) return answer(events("one", "r", { n: 1, lost: true }, "Hell and more"));
    expect(lastId).toBe("one.5");
    const anew = events("two", route === "run" ? "r" : "r2", { n: 2 }, "Hello") + end.join("");
    return answer(anew, { "X-Runlog-Replay": "full; reason=beyond-the-end" });
  };
}

describe("an agent", () => {
  it("that follows a session cancels the run that is going on", async () => {
    const server = await freshServer();
    const { exchange, running } = await startedRun(server, agentAt(server.origin));
    const viewer = agentAt(server.origin, { initialMessages: [] });
    const viewing = viewer.connectAgent();
    await waitFor(() => viewer.messages.length === 2, { what: "the run at its viewer" });
    viewer.abortRun();
    await Promise.all([viewing, running, exchange.closed]);
    expect(await lastEvent(server)).toMatchObject({ outcome: { type: "cancelled" } });
  });

  it("that only stops following leaves the run alone, and finds it again", async () => {
    const server = await freshServer();
    const first = agentAt(server.origin);
    const { exchange, running } = await startedRun(server, first);
    await first.detachActiveRun();
    await running;
    const second = agentAt(server.origin, { initialMessages: [] });
    const viewing = second.connectAgent();
    await waitFor(() => second.messages.length === 2, { what: "the run on the next page" });
    await exchange.write(`data: ${text(", world")}\n\ndata: ${finishedEvent("r")}\n\n`);
    await exchange.end();
    await viewing;
    expect(second.messages).toMatchObject([HI, { content: "Hello, world" }]);
  });

  it("that cannot reach its server stops all the same", async () => {
    const agent = agentAt("http://127.0.0.1:9");
    let asked = 0;
    agent.fetch = (url, init) => {
      asked++;
      return fetch(url, init);
    };
    const running = agent.runAgent({ runId: "r" });
    await waitFor(() => asked > 0, { what: "a try" });
    agent.patienceMs = 1;
    agent.abortRun();
    await running;
    expect(agent.messages).toEqual([HI]);
  });

  it("does not do a run again whose session was deleted meanwhile", async () => {
    const server = await freshServer();
    const wire = await startTcpProxy(server.port);
    const deleted = Promise.withResolvers<void>();
    let asked = 0;
    const agent = agentAt(`http://127.0.0.1:${wire.port}`, {
      fetch: async (url, init) => {
        if (asked++ > 0) await deleted.promise;
        return fetch(url, init);
      },
    });
    const { running } = await startedRun(server, agent);
    const failed = expect(running).rejects.toMatchObject({ code: "session-not-found" });
    wire.reset();
    expect((await new SessionClient(server).get("", {}, "DELETE")).status).toBe(204);
    deleted.resolve();
    await failed;
    expect(server.runner.requests.filter(({ method }) => method === "POST")).toHaveLength(1);
  });

  it("fails with the server's text where a run is refused", async () => {
    const server = await freshServer();
    const agent = agentAt(server.origin, { session: "a b" });
    await expect(agent.runAgent()).rejects.toMatchObject({
      name: "SessionClientError",
      status: 400,
      message: "Invalid session name",
    });
  });

  it("fails where what answers is no server of sessions", async () => {
    const agent = agentAt("http://anywhere.invalid", { fetch: async () => Response.json({}) });
    await expect(agent.runAgent()).rejects.toMatchObject({ code: "not-an-event-stream" });
  });

  it("says what its runner can do, and so does its clone", async () => {
    const server = await freshServer();
    const script = (exchange: ScriptedExchange): Promise<void> =>
      answerJson(exchange, 200, { tools: { supported: true } });
    server.runner.script(script, "capabilities");
    server.runner.script((exchange) => tell(exchange, [startedEvent("r"), finishedEvent("r")]));
    const agent = agentAt(server.origin, { headers: { "X-Test": "1" } });
    const clone = agent.clone();
    expect(await agent.getCapabilities()).toEqual({ tools: { supported: true } });
    expect(await clone.getCapabilities()).toEqual({ tools: { supported: true } });
    expect(clone.headers).toEqual({ "X-Test": "1" });
    await clone.runAgent({ runId: "r" });
    clone.abortRun();
  });
});
