import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { serve } from "@hono/node-server";
import {
  AbstractAgent,
  EventType,
  HttpAgent,
  type BaseEvent,
  type RunAgentInput,
} from "@ag-ui/client";
import { Hono } from "hono";
import { Observable } from "rxjs";
import { expect, it, onTestFinished } from "vitest";
import { createMemoryLogStore } from "../../adapters/memory/index.ts";
import type { AgentEvent, AgentInput } from "../../adapters/in-process/index.ts";
import { createRunlog, type Runlog, type RunlogOptions } from "../../src/entry/embed.ts";
import {
  expectProblem,
  finishedEvent,
  startedEvent,
  tell,
} from "../contract/session-routes/harness.ts";
import { freshRunner } from "../support/server-process.ts";

const SILENT = { info() {}, warn() {}, error() {} };

/** An agent that says its name. */
function saying(text: string) {
  return async function* ({ threadId, runId }: AgentInput): AsyncGenerator<AgentEvent> {
    yield { type: "RUN_STARTED", threadId, runId };
    yield { type: "TEXT_MESSAGE_CHUNK", messageId: `a-${runId}`, role: "assistant", delta: text };
    yield { type: "RUN_FINISHED", threadId, runId };
  };
}

class Writer extends AbstractAgent {
  run({ threadId, runId }: RunAgentInput): Observable<BaseEvent> {
    return new Observable((subscriber) => {
      subscriber.next({ type: EventType.RUN_STARTED, threadId, runId });
      subscriber.next({ type: EventType.CUSTOM, name: "writer" });
      subscriber.next({ type: EventType.RUN_FINISHED, threadId, runId });
      subscriber.complete();
    });
  }
  override clone(): Writer {
    return new Writer({ description: this.description });
  }
}

async function runlogWith(
  runner: RunlogOptions["runner"],
  options: Partial<RunlogOptions> = {},
): Promise<Runlog> {
  const storage = createMemoryLogStore();
  const runlog = await createRunlog({ storage, logger: SILENT, runner, ...options });
  onTestFinished(() => runlog.close());
  return runlog;
}

/** A host's own server with the routes; resolves with where it listens. */
async function hosted({ routes, agentRoutes }: Runlog): Promise<string> {
  const app = new Hono().route("/sessions", routes).route("/agents", agentRoutes);
  const server = serve({ fetch: app.fetch, hostname: "127.0.0.1", port: 0 });
  onTestFinished(() => void server.close());
  if (!server.listening) await once(server, "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

it("agents of all kinds are served side by side, each to its own sessions", async () => {
  const remote = await freshRunner();
  remote.script(async (exchange) => {
    const { runId } = JSON.parse(new TextDecoder().decode(exchange.request.body)) as AgentInput;
    const said = '{"type":"CUSTOM","name":"coder","value":1}';
    await tell(exchange, [startedEvent(runId), said, finishedEvent(runId)]);
  });
  const at = await hosted(
    await runlogWith({
      coder: remote.address,
      support: Object.assign(saying("support"), { description: "Answers questions" }),
      Support: saying("another"),
      writer: new Writer({ description: "Writes texts" }),
    }),
  );
  const list = await fetch(`${at}/agents`);
  expect(await list.json()).toEqual({
    agents: [
      { name: "coder" },
      { name: "support", description: "Answers questions" },
      { name: "Support" },
      { name: "writer", description: "Writes texts" },
    ],
  });
  for (const [name, said] of [
    ["coder", '"name":"coder"'],
    ["support", '"delta":"support"'],
    ["Support", '"delta":"another"'],
    ["writer", '"name":"writer"'],
  ] as const) {
    const answer = await fetch(`${at}/sessions/of-${name}/agui/run?agent=${name}`, {
      method: "POST",
      headers: { "Content-Type": "application/json", Accept: "text/event-stream" },
      body: '{"runId":"r1","messages":[{"id":"m1","role":"user","content":"Hi"}]}',
    });
    expect(await answer.text()).toContain(said);
    const document = await fetch(`${at}/sessions/of-${name}`);
    expect(await document.json()).toMatchObject({ spec: { agent: name } });
  }
});

it("an unmodified HttpAgent is given an agent's address, runs with it and connects to it", async () => {
  const at = await hosted(
    await runlogWith({ first: saying("I am first"), second: saying("I am second") }),
  );
  const url = `${at}/sessions/t1/agui/agents/second/run`;
  const client = new HttpAgent({ url, threadId: "t1" });
  client.addMessage({ id: "m1", role: "user", content: "Who are you?" });
  await client.runAgent({ runId: "r1" });
  expect(client.messages.at(-1)).toMatchObject({ role: "assistant", content: "I am second" });
  const viewer = new HttpAgent({ url: `${url}/connect`, threadId: "t1" });
  await viewer.runAgent();
  expect(viewer.messages).toMatchObject([{ id: "m1" }, { content: "I am second" }]);
  const other = await fetch(`${at}/sessions/t1/agui/agents/first/run`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: '{"messages":[]}',
  });
  await expectProblem(other, 409, 'The session\'s agent is "second", not "first"');
});

it("the list of agents is for whoever the host lets list sessions", async () => {
  const runlog = await runlogWith(
    { coder: saying("c") },
    {
      authorize: (c) => {
        const user = c.req.header("Authorization");
        if (user === undefined) return null;
        return { user, may: ({ verb }) => verb === "list" && user === "ann" };
      },
    },
  );
  const ask = async (Authorization?: string): Promise<Response> => {
    const app = new Hono().route("/agents", runlog.agentRoutes);
    return app.request("/agents", { headers: Authorization ? { Authorization } : {} });
  };
  await expectProblem(await ask(), 401, "Authentication required");
  await expectProblem(await ask("bob"), 403, "Unauthorized to access project");
  expect(await (await ask("ann")).json()).toEqual({ agents: [{ name: "coder" }] });
});

it.each<[string, unknown, RegExp]>([
  ["no agent at all", {}, /runner must be .*several of these by name/],
  ["nothing", undefined, /runner must be/],
  ["null", null, /runner must be/],
  ["a list", [saying("x")], /"0" cannot be the name of an agent/],
  ["a name that cannot be", { "my agent": saying("x") }, /"my agent" cannot be the name/],
  ["the name of what makes an agent", { run: "http://a/" }, /"run" cannot be the name/],
  ["an agent that is none", { coder: 7 }, /The agent coder of runner must be/],
  ["an agent that is null", { coder: null }, /The agent coder of runner must be/],
  ["a URL that is none", { coder: "somewhere" }, /The agent coder of runner must be/],
  ["a place for a name without names", "http://{agent}/", /runner must be/],
])("agents that cannot be are refused before anything is opened: %s", async (_, runner, text) => {
  const options = { storage: "file:/dev/null/nowhere", logger: SILENT, runner };
  await expect(createRunlog(options as RunlogOptions)).rejects.toThrow(text);
});
