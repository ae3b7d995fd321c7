import { describe, expect, it, onTestFinished } from "vitest";
import type { LocalAgent } from "../../adapters/local/index.ts";
import { createMemoryLogStore } from "../../adapters/memory/index.ts";
import { SseReader } from "../contract/read-sse.ts";
import {
  expectProblem,
  finishedEvent,
  openRunner,
  SessionClient,
  startedEvent,
  tell,
} from "../contract/session-routes/harness.ts";
import {
  allOf,
  type Event,
  json,
  REPLY,
  textStart,
  types,
} from "../contract/session-routes/standard-client.ts";
import { createTestServer } from "../support/test-server.ts";
import { waitFor } from "../support/wait-for.ts";

const BASE = "/api/copilotkit";
const JSON_BODY = { "Content-Type": "application/json" };

/** A server, and what a page of CopilotKit asks it in each of the two forms. */
async function start(agents: readonly LocalAgent[] = []) {
  const server = await createTestServer({ store: createMemoryLogStore(), agents });
  onTestFinished(() => server.dispose());
  const send = (method: string, path: string, body?: unknown): Promise<Response> =>
    server.fetch(`${BASE}${path}`, {
      method,
      headers: JSON_BODY,
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
  return {
    server,
    send,
    session: (name = "s1") => new SessionClient(server, name),
    single: (method: string, params: Event = {}, body?: unknown) =>
      send("POST", "", { method, params, body }),
    /** Plays a run to its end. */
    play: async (
      threadId = "s1",
      runId = "r",
      events: readonly string[] = REPLY,
      agent = "default",
    ) => {
      server.runner.script((exchange) =>
        tell(exchange, [startedEvent(runId), ...events, finishedEvent(runId)]),
      );
      const run = await send("POST", `/agent/${agent}/run`, input(threadId, runId));
      expect(run.status).toBe(200);
      return eventsOf(run);
    },
  };
}

const input = (threadId: string, runId = "r", more: Event = {}): Event => ({
  threadId,
  runId,
  state: {},
  messages: [{ id: `m-${runId}`, role: "user", content: "hi" }],
  tools: [],
  context: [],
  forwardedProps: {},
  ...more,
});

async function eventsOf(response: Response): Promise<Event[]> {
  expect(response.headers.get("Content-Type")).toBe("text/event-stream");
  return allOf(new SseReader(response.body!));
}

const jsonOf = async (response: Response): Promise<Event> => {
  const text = await response.text();
  expect(response.status, text).toBe(200);
  return JSON.parse(text) as Event;
};

const idsOf = (threads: readonly Event[]): Set<unknown> => new Set(threads.map(({ id }) => id));

const toSuggest = { toolChoice: { type: "function", function: { name: "copilotkitSuggest" } } };

describe("pages of CopilotKit (PROTOCOL 19)", () => {
  it("are told what there is, in both forms", async () => {
    const { send, single } = await start();
    const told = await jsonOf(await send("GET", "/info"));
    expect(told).toMatchObject({
      agents: { default: { name: "default" } },
      mode: "sse",
      threadEndpoints: { list: true, inspect: true, mutations: true, realtimeMetadata: false },
      suggestions: true,
    });
    expect(await jsonOf(await single("info"))).toEqual(told);
  });

  it("run, connect and go on: a thread is the session of its name", async () => {
    const { play, send, session, single } = await start();
    expect(types(await play())).toEqual([
      "RUN_STARTED",
      ...REPLY.map((line) => (JSON.parse(line) as Event)["type"]),
      "RUN_FINISHED",
    ]);
    expect((await session().lines()).length).toBeGreaterThan(4);
    const connected = await eventsOf(
      await send("POST", "/agent/default/connect", input("s1", "c", { messages: [] })),
    );
    expect(connected[0]).toMatchObject({ type: "RUN_STARTED", runId: "r" });
    const params = { agentId: "default" };
    const again = await single("agent/connect", params, input("s1", "c", { messages: [] }));
    expect(await eventsOf(again)).toEqual(connected);
    const nobody = await send("POST", "/agent/default/connect", input("nobody", "c"));
    expect(await eventsOf(nobody)).toEqual([]);
  });

  it("keep the bytes of what they post, in both forms", async () => {
    const { server, single } = await start();
    server.runner.script((exchange) => tell(exchange, [startedEvent(), finishedEvent()]));
    const body = '{"threadId":"s1","runId":"r","messages":[],"state":{"n":12345678901234567890}}';
    const post = (path: string, text: string): Promise<Response> =>
      server.fetch(`${BASE}${path}`, { method: "POST", headers: JSON_BODY, body: text });
    await (await post("/agent/default/run", body)).text();
    const params = '{"agentId":"default"}';
    const second = body.replace('"r"', '"r2"');
    await (await post("", `{"method":"agent/run","params":${params},"body":${second}}`)).text();
    const bodies = server.runner.requests
      .filter(({ method }) => method === "POST")
      .map((request) => new TextDecoder().decode(request.body));
    expect(bodies).toHaveLength(2);
    for (const sent of bodies) expect(sent).toContain('"state":{"n":12345678901234567890}');
    expect((await single("agent/run", { agentId: "other" }, {})).status).toBe(404);
  });

  it("stop a run, and learn where there is none", async () => {
    const { send, server, single } = await start();
    const exchange = await openRunner(server, async () => {
      void send("POST", "/agent/default/run", input("s1"));
    });
    await exchange.write(`data: ${startedEvent()}\n\n`);
    const stopped = { stopped: true, interrupt: { type: "RUN_ERROR", code: "STOPPED" } };
    const path = "/agent/default/stop/s1";
    expect(await jsonOf(await send("POST", path, { runId: "r" }))).toMatchObject(stopped);
    await exchange.closed;
    const gone = await send("POST", "/agent/default/stop/nobody");
    expect(await jsonOf(gone)).toMatchObject({ stopped: false });
    const params = { agentId: "default", threadId: "nobody" };
    expect(await jsonOf(await single("agent/stop", params))).toMatchObject({ stopped: false });
  });

  it("get suggestions, of which nothing is left", async () => {
    const { send, server, single } = await start();
    server.runner.script((exchange) => tell(exchange, [startedEvent(), ...REPLY, finishedEvent()]));
    const given = input("throw-away", "r", { forwardedProps: toSuggest });
    const answers = [
      await send("POST", "/agent/default/suggest", given),
      // a page that has one route posts a run
      await single("agent/run", { agentId: "default" }, given),
    ];
    for (const answer of answers) {
      const events = await eventsOf(answer);
      expect(events[0]).toMatchObject({ type: "RUN_STARTED" });
      expect(events.at(-1)).toMatchObject({ type: "RUN_FINISHED" });
    }
    expect(await jsonOf(await send("GET", "/threads"))).toEqual({ threads: [], nextCursor: null });
    const session = await server.fetch("/api/projects/p1/agentic-sessions/throw-away");
    expect(session.status).toBe(404);
  });

  it("end a suggestion that they no longer wait for, and learn that one broke off", async () => {
    const { send, server } = await start();
    let answer: Response | null = null;
    const exchange = await openRunner(server, async () => {
      void send("POST", "/agent/default/suggest", input("t")).then((response) => {
        answer = response;
      });
    });
    const response = await waitFor((): Response | null => answer);
    await exchange.write(`data: ${startedEvent()}\n\n`);
    const sse = new SseReader(response.body!);
    let begun = await sse.frame();
    while (begun?.data === null) begun = await sse.frame();
    expect(begun?.data).toContain("RUN_STARTED");
    await sse.cancel();
    await exchange.closed;

    server.runner.script((broken) => tell(broken, [startedEvent(), textStart]));
    const events = await eventsOf(await send("POST", "/agent/default/suggest", input("t")));
    expect(events.at(-1)).toMatchObject({ type: "RUN_ERROR", code: "runner-disconnected" });
    server.runner.script((refusing) => refusing.answer(500).then(() => refusing.end()));
    const refused = await send("POST", "/agent/default/suggest", input("t"));
    await expectProblem(refused, 502, "Runner is not available");
  });

  it("use the server's agents by name, and by the name default the one that a thread has", async () => {
    const { play, send, server, session, single } = await start([
      { name: "coder", url: "coder/", description: "Writes code" },
      { name: "support", url: "support/", description: null },
    ]);
    const told = await jsonOf(await send("GET", "/info"));
    expect(told["agents"]).toEqual({
      default: { name: "default", description: "Writes code", className: "RunlogAgent" },
      coder: { name: "coder", description: "Writes code", className: "RunlogAgent" },
      support: { name: "support", description: "", className: "RunlogAgent" },
    });
    const asked = (): string | undefined =>
      server.runner.requests.findLast(({ method }) => method === "POST")?.path;
    await play("mine", "r1", REPLY, "support");
    expect(asked()).toMatch(/\/support\/$/);
    await play("mine", "r2");
    expect(asked()).toMatch(/\/support\/$/);
    await play("other", "r1");
    expect(asked()).toMatch(/\/coder\/$/);

    const threads = async (query: string): Promise<unknown[]> =>
      ((await jsonOf(await send("GET", `/threads${query}`)))["threads"] as Event[])
        .map(({ agentId, id }) => `${String(id)} ${String(agentId)}`)
        .toSorted();
    const all = ["mine support", "other coder"];
    expect(await threads("")).toEqual(all);
    expect(await threads("?agentId=default")).toEqual(all);
    expect(await threads("?agentId=support")).toEqual(["mine support"]);
    expect(await threads("?agentId=coder&limit=1")).toEqual(["other coder"]);

    for (const path of ["run", "connect", "suggest"]) {
      const wrong = await send("POST", `/agent/coder/${path}`, input("mine", "r3"));
      await expectProblem(wrong, 409, 'The session\'s agent is "support", not "coder"');
      const params = { agentId: "coder" };
      expect((await single(`agent/${path}`, params, input("mine", "r3"))).status).toBe(409);
      expect((await send("POST", `/agent/nobody/${path}`, input("new"))).status).toBe(404);
    }
    expect(await eventsOf(await send("POST", "/agent/support/connect", input("mine")))).not.toEqual(
      [],
    );
    expect((await session("new").get("")).status).toBe(404);
    const stopped = await send("POST", "/agent/support/stop/mine");
    expect(await jsonOf(stopped)).toMatchObject({ stopped: false });
    expect((await send("POST", "/agent/nobody/stop/mine")).status).toBe(404);
  });

  it("use an agent that is named default like any other", async () => {
    const { play, send, server } = await start([
      { name: "coder", url: "coder/", description: null },
      { name: "default", url: "ours/", description: "Ours" },
    ]);
    const { agents } = await jsonOf(await send("GET", "/info"));
    expect(Object.keys(agents as Event)).toEqual(["coder", "default"]);
    await play();
    const posted = server.runner.requests.findLast(({ method }) => method === "POST");
    expect(posted?.path).toMatch(/\/ours\/$/);
  });

  it("have a list of their threads, which they name, archive, bring back and delete", async () => {
    const { play, send, single } = await start();
    for (const name of ["a", "b", "c"]) await play(name, `r-${name}`);
    const list = async (query = ""): Promise<Event[]> => {
      const { threads } = await jsonOf(await send("GET", `/threads?agentId=default${query}`));
      return threads as Event[];
    };
    const resource = (httpMethod: string, path: string, body?: unknown): Promise<Response> =>
      single("resource/request", { httpMethod, path }, body);
    expect(idsOf(await list())).toEqual(new Set(["a", "b", "c"]));
    expect((await list())[0]).toEqual({
      id: expect.any(String),
      name: null,
      agentId: "default",
      organizationId: "",
      createdById: "",
      archived: false,
      createdAt: expect.stringMatching(/^\d{4}-.*Z$/),
      updatedAt: expect.stringMatching(/^\d{4}-.*Z$/),
    });
    const named = await send("PATCH", "/threads/a", { agentId: "default", name: "Trip" });
    expect(await jsonOf(named)).toMatchObject({ id: "a", name: "Trip", archived: false });
    const archived = await resource("POST", "/threads/a/archive", { agentId: "default" });
    expect(await jsonOf(archived)).toEqual({ threadId: "a", archived: true });
    expect(idsOf(await list())).toEqual(new Set(["b", "c"]));
    expect(await list("&includeArchived=true")).toHaveLength(3);
    const back = await resource("PATCH", "/threads/a", { agentId: "default", archived: false });
    expect(await jsonOf(back)).toMatchObject({ name: "Trip", archived: false });
    const removed = await send("DELETE", "/threads/b", { agentId: "default" });
    expect(await jsonOf(removed)).toEqual({ threadId: "b", deleted: true });
    const listed = await jsonOf(await resource("GET", "/threads?agentId=default"));
    expect(idsOf(listed["threads"] as Event[])).toEqual(new Set(["a", "c"]));
    expect((await send("DELETE", "/threads/b")).status).toBe(404);
    expect((await send("POST", "/threads/clear")).status).toBe(204);
    expect(await list()).toHaveLength(2);
    expect((await jsonOf(await send("GET", "/threads?agentId=other")))["threads"]).toEqual([]);
  });

  it("have their list in pages, of which none misses a thread, whatever is archived", async () => {
    const { play, send } = await start();
    const names = Array.from({ length: 7 }, (_, at) => `t${at}`);
    for (const name of names) await play(name, `r-${name}`);
    for (const name of ["t1", "t4"]) await send("POST", `/threads/${name}/archive`);
    const seen: unknown[] = [];
    for (let cursor: string | null = ""; cursor !== null;) {
      const query: string = cursor === "" ? "" : `&cursor=${cursor}`;
      const page = await jsonOf(await send("GET", `/threads?limit=2${query}`));
      const threads = page["threads"] as Event[];
      expect(threads.length).toBeLessThanOrEqual(2);
      seen.push(...threads.map(({ id }) => id));
      cursor = page["nextCursor"] as string | null;
    }
    expect(seen).toHaveLength(5);
    expect(new Set(seen)).toEqual(new Set(["t0", "t2", "t3", "t5", "t6"]));
  });

  it("look into a thread: its messages, events and state", async () => {
    const { play, send, session } = await start();
    const events = [
      { type: "TOOL_CALL_START", toolCallId: "t", toolCallName: "f", parentMessageId: "p" },
      { type: "TOOL_CALL_ARGS", toolCallId: "t", delta: "{}" },
      { type: "TOOL_CALL_END", toolCallId: "t" },
      { type: "TOOL_CALL_RESULT", messageId: "x", toolCallId: "t", content: "done" },
      { type: "STATE_SNAPSHOT", snapshot: { n: 1 } },
    ];
    await play("s1", "r", [...events.map(json), ...REPLY]);
    expect(await jsonOf(await send("GET", "/threads/s1/messages"))).toEqual({
      messages: [
        { id: "m-r", role: "user", content: "hi" },
        { id: "p", role: "assistant", toolCalls: [{ id: "t", name: "f", args: "{}" }] },
        { id: "x", role: "tool", content: "done", toolCallId: "t" },
        { id: "a", role: "assistant", content: "Hello" },
      ],
    });
    expect(await jsonOf(await send("GET", "/threads/s1/state"))).toEqual({ state: { n: 1 } });
    const all = (await session().lines("")).map((line) => JSON.parse(line) as Event);
    expect(await jsonOf(await send("GET", "/threads/s1/events"))).toEqual({ events: all });
    expect((await send("GET", "/threads/nobody/events")).status).toBe(404);
  });

  it("are refused what cannot be, with a clear text", async () => {
    const { send, server, single } = await start();
    const other = await send("POST", "/agent/other/run", input("s1"));
    expect([other.status, await other.json()]).toMatchObject([404, { error: "Agent not found" }]);
    const { threadId: _, ...withoutThread } = input("s1");
    const lost = await send("POST", "/agent/default/run", withoutThread);
    await expectProblem(lost, 400, /threadId is missing/);
    const wrong = await send("POST", "/agent/default/run", input("no/name"));
    await expectProblem(wrong, 400, "Invalid session name");
    await expectProblem(await single("nothing"), 400, "Unsupported method 'nothing'");
    for (const path of ["/info", "http://elsewhere/threads", "/threads/%zz", "//threads"]) {
      const resource = await single("resource/request", { httpMethod: "GET", path });
      await expectProblem(resource, 400, "There is no such resource");
    }
    for (const body of ["", "[]", "{", '{"method":1}'])
      await expectProblem(
        await server.fetch(BASE, { method: "POST", headers: JSON_BODY, body }),
        400,
        /^Invalid request body/,
      );
    await expectProblem(await send("PUT", "/info"), 405, /only GET/);
    const huge = "x".repeat(17 * 1024 * 1024);
    const large = await send("POST", "/agent/default/run", { huge, threadId: "s1" });
    await expectProblem(large, 413, "Request body too large");
    const foreign = { ...JSON_BODY, Origin: "https://evil.example" };
    const body = JSON.stringify(input("s1"));
    const page = { method: "POST", headers: foreign, body };
    expect((await server.fetch(`${BASE}/agent/default/run`, page)).status).toBe(403);
  });
});
