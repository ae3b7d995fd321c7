import { describe, expect, it } from "vitest";
import type { ScriptedExchange } from "../runner-client/scripted-runner.ts";
import {
  answerJson,
  expectProblem,
  finishedEvent,
  type FreshServer,
  runBody,
  SessionClient,
  type SessionRoutesHarness,
  startedEvent,
  tell,
} from "./harness.ts";
import { ProjectClient } from "./project-client.ts";

const LIST = "/api/projects/p1/agents";
const NO_CODER = 'There is no agent "coder"; no agent of this server has a name';
const UNKNOWN = /^There is no agent "[^"]+"; agents: coder, support$/;
const STREAM = { Accept: "text/event-stream" };

/** What the server calls for each agent, below the address of the runner. */
const AGENT_PATHS: ReadonlyMap<string, string> = new Map([
  ["coder", "coder/"],
  ["support", "support/"],
]);

/** The agents that were asked for runs, in the order in which they were. */
function asked({ runner }: SessionRoutesHarness): string[] {
  return runner.requests
    .filter(({ method }) => method === "POST")
    .map(({ path }) => path.split("/").at(-2) ?? "");
}

/** Has both agents answer each run with its beginning and end. */
function playBoth({ runner }: SessionRoutesHarness): void {
  for (const path of AGENT_PATHS.values())
    runner.script(async (exchange: ScriptedExchange) => {
      const { runId } = JSON.parse(new TextDecoder().decode(exchange.request.body)) as {
        runId: string;
      };
      await tell(exchange, [startedEvent(runId), finishedEvent(runId)]);
    }, path);
}

async function agentOf(server: SessionRoutesHarness, session: string): Promise<unknown> {
  return (await new ProjectClient(server).get(session)).spec["agent"];
}

/** For servers whose sessions have one agent without a name. */
export function noAgentsSuite(fresh: FreshServer): void {
  describe("an agent without a name (PROTOCOL 21)", () => {
    it(
      "is in no list",
      fresh(async (server) => {
        const list = await server.fetch(LIST);
        expect(list.status).toBe(200);
        expect(list.headers.get("Cache-Control")).toBe("private, no-store");
        expect(await list.json()).toEqual({ agents: [] });
      }),
    );

    it(
      "is not to be had by a name: nothing is made or run",
      fresh(async (server) => {
        const project = new ProjectClient(server);
        const session = new SessionClient(server);
        const made = await project.send("POST", "", { body: { name: "s1", agent: "coder" } });
        await expectProblem(made, 404, NO_CODER);
        for (const path of ["/agui/run?agent=coder", "/agui/agents/coder/run"])
          await expectProblem(await session.post(path, runBody()), 404, NO_CODER);
        const capabilities = await session.get("/agui/agents/coder/run/capabilities");
        await expectProblem(capabilities, 404, NO_CODER);
        expect(await project.names()).toEqual([]);
        expect(server.runner.requests).toEqual([]);
      }),
    );
  });
}

/** For servers with the agents `coder` and `support`, at `coder/` and `support/` below the address of the runner. */
export function agentsSuite(fresh: FreshServer): void {
  describe("the list of agents (PROTOCOL 21.1)", () => {
    it(
      "has all of them, the default first",
      fresh(async (server) => {
        const list = await server.fetch(LIST);
        expect(await list.json()).toEqual({
          agents: [{ name: "coder", description: "Writes code" }, { name: "support" }],
        });
        expect((await server.fetch(LIST, { method: "HEAD" })).status).toBe(200);
        const posted = await server.fetch(LIST, { method: "POST" });
        await expectProblem(posted, 405, /GET, HEAD, OPTIONS$/);
        const odd = await server.fetch("/api/projects/-p/agents");
        await expectProblem(odd, 400, "Invalid project name format");
      }),
    );
  });

  describe("a session's agent (PROTOCOL 21.2)", () => {
    it(
      "is the one that its creation names, in its document and in lists, before and after a run",
      fresh(async (server) => {
        playBoth(server);
        const project = new ProjectClient(server);
        await project.create({ name: "s1", agent: "support" });
        expect(await agentOf(server, "s1")).toBe("support");
        const session = new SessionClient(server);
        await session.run();
        await session.settled();
        expect(asked(server)).toEqual(["support"]);
        const list = await server.fetch(project.path);
        expect(await list.json()).toMatchObject({
          items: [{ metadata: { name: "s1" }, spec: { agent: "support" } }],
        });
      }),
    );

    it.each([
      ["by the query", "/agui/run?agent=support"],
      ["by an address of its own", "/agui/agents/support/run"],
    ])("is the one that its first run names, %s, for all later ones", (_, path) =>
      fresh(async (server) => {
        playBoth(server);
        const session = new SessionClient(server);
        const first = await session.post(path, runBody("r1"));
        expect(first.status, await first.text()).toBe(200);
        expect(await agentOf(server, "s1")).toBe("support");
        await session.settled("r1");
        await session.run(runBody("r2"));
        await session.settled("r2");
        const again = await session.post(path, runBody("r3"), STREAM);
        expect(await again.text()).toContain("RUN_FINISHED");
        expect(asked(server)).toEqual(["support", "support", "support"]);
      })(),
    );

    it(
      "is the first where nobody names one, and is not chosen before a run",
      fresh(async (server) => {
        playBoth(server);
        const project = new ProjectClient(server);
        await project.create({ name: "s1", agent: null });
        const session = new SessionClient(server);
        expect((await session.post("/agui/connect", "{}")).status).toBe(200);
        expect(await agentOf(server, "s1")).toBeUndefined();
        await session.run(runBody("r1"));
        expect(await agentOf(server, "s1")).toBe("coder");
        await session.settled("r1");
        expect(asked(server)).toEqual(["coder"]);
      }),
    );

    it(
      "stays: whoever names another one is refused with the one that it is, and nothing happens",
      fresh(async (server) => {
        playBoth(server);
        const session = new SessionClient(server);
        await session.run(runBody("r1"));
        const lines = await session.settled("r1");
        const refusal = 'The session\'s agent is "coder", not "support"';
        for (const [path, body] of [
          ["/agui/run?agent=support", runBody("r2")],
          ["/agui/agents/support/run", runBody("r2")],
          ["/agui/agents/support/run/connect", "{}"],
          ["/agui/suggest?agent=support", runBody("r2")],
        ] as const) {
          const problem = await expectProblem(await session.post(path, body), 409, refusal);
          expect(problem).toMatchObject({ type: "/problems/agent-conflict", agent: "coder" });
          const streamed = await session.post(path, body, STREAM);
          await expectProblem(streamed, 409, refusal);
        }
        const capabilities = await session.get("/agui/agents/support/run/capabilities");
        await expectProblem(capabilities, 409, refusal);
        expect(await session.lines()).toEqual(lines);
        expect(asked(server)).toEqual(["coder"]);
        expect((await session.post("/agui/run?agent=coder", runBody("r2"))).status).toBe(200);
        expect((await session.settled("r2")).length).toBeGreaterThan(lines.length);
      }),
    );

    it(
      "is one, whichever of many first runs comes first",
      fresh(async (server) => {
        playBoth(server);
        const session = new SessionClient(server);
        const names = ["support", "coder", "support", "coder", "support", "coder"];
        const answers = await Promise.all(
          names.map((name, at) => session.post(`/agui/run?agent=${name}`, runBody(`r${at}`))),
        );
        const chosen = await agentOf(server, "s1");
        expect(["coder", "support"]).toContain(chosen);
        const statuses = answers.map(({ status }) => status);
        expect(statuses).toEqual(names.map((name) => (name === chosen ? 200 : 409)));
        for (const [at, name] of names.entries())
          if (name === chosen) await session.settled(`r${at}`);
        expect(asked(server)).toEqual([chosen, chosen, chosen]);
      }),
    );

    it(
      "is forgotten with its session",
      fresh(async (server) => {
        playBoth(server);
        const session = new SessionClient(server);
        expect((await session.post("/agui/run?agent=support", runBody("r1"))).status).toBe(200);
        await session.settled("r1");
        expect((await session.get("", {}, "DELETE")).status).toBe(204);
        expect((await session.post("/agui/run?agent=coder", runBody("r2"))).status).toBe(200);
        expect(await agentOf(server, "s1")).toBe("coder");
        await session.settled("r2");
      }),
    );

    it.each(["nobody", "Coder", "coder ", "..", "__proto__", "constructor", "x".repeat(200)])(
      "is none of another name: %j is refused with the names, and nothing is made",
      (name) =>
        fresh(async (server) => {
          const project = new ProjectClient(server);
          const session = new SessionClient(server);
          const made = await project.send("POST", "", { body: { agent: name } });
          await expectProblem(made, 404, UNKNOWN);
          const query = `/agui/run?agent=${encodeURIComponent(name)}`;
          const problem = await expectProblem(await session.post(query, runBody()), 404, UNKNOWN);
          expect(problem["type"]).toBe("/problems/agent-not-found");
          expect(await project.names()).toEqual([]);
          expect(server.runner.requests).toEqual([]);
        })(),
    );

    it(
      "is a text in the body of a creation",
      fresh(async (server) => {
        for (const agent of [1, true, ["coder"], { name: "coder" }]) {
          const made = await new ProjectClient(server).send("POST", "", { body: { agent } });
          await expectProblem(made, 400, "Invalid request body");
        }
      }),
    );
  });

  describe("the address of an agent in a session (PROTOCOL 21.3)", () => {
    it(
      "is all that a client needs: it connects, runs and asks what the agent can do",
      fresh(async (server) => {
        playBoth(server);
        const answer = (exchange: ScriptedExchange): Promise<void> =>
          answerJson(exchange, 200, { framework: "support's" });
        server.runner.script(answer, "support/capabilities");
        const session = new SessionClient(server);
        const path = "/agui/agents/support/run";
        const capabilities = await session.get(`${path}/capabilities`);
        expect(await capabilities.json()).toEqual({ framework: "support's" });
        const suggested = await session.post("/agui/suggest?agent=support", runBody("r0"));
        expect(await suggested.text()).toContain('"runId":"r0"');
        const streamed = await session.post(path, runBody("r1"), STREAM);
        expect(await streamed.text()).toContain('"runId":"r1"');
        const connected = await session.post(`${path}/connect`, "{}");
        expect(await connected.text()).toContain('"runId":"r1"');
        expect(await (await session.get("/agui/capabilities")).json()).toEqual({
          framework: "support's",
        });
        expect(asked(server)).toEqual(["support", "support"]);
      }),
    );
  });
}
