import { abortAllDurableObjects, env } from "cloudflare:test";
import { exports } from "cloudflare:workers";
import { afterEach, describe, expect, it } from "vitest";
import { ALL_SETTINGS } from "../../src/config/settings.ts";
import { formatTokenEntry, tokenDigest } from "../../src/core/model/token-list.ts";
import { createRunlog } from "../../src/entry/workerd.ts";
import { openServer, type WorkerServer } from "../../src/entry/worker-server.ts";
import { SseReader } from "../contract/read-sse.ts";
import { expectProblem, runBody } from "../contract/session-routes/harness.ts";

const SESSIONS = "/api/projects/demo/agentic-sessions";

function ask(path: string, init?: RequestInit): Promise<Response> {
  return exports.default.fetch(new Request(new URL(path, "http://localhost"), init));
}

function postJson(path: string, body: string): Promise<Response> {
  const headers = { "Content-Type": "application/json" };
  return ask(path, { method: "POST", headers, body });
}

function postRun(session: string, runId: string): Promise<Response> {
  return postJson(`${SESSIONS}/${session}/agui/run`, runBody(runId));
}

async function watch(session: string, headers: Record<string, string> = {}): Promise<SseReader> {
  const response = await ask(`${SESSIONS}/${session}/agui/events?view=raw`, { headers });
  expect(response.headers.get("Content-Type")).toBe("text/event-stream");
  if (!response.body) throw new Error(`No stream: ${response.status}`);
  return new SseReader(response.body);
}

/** The stored events of the export as JSON lines. */
async function exported(session: string, headers: Record<string, string> = {}): Promise<string[]> {
  const response = await ask(`${SESSIONS}/${session}/export?view=raw`, {
    headers: { Accept: "application/x-ndjson", ...headers },
  });
  expect(response.status).toBe(200);
  expect(response.headers.get("Content-Encoding")).toBeNull();
  // workerd warns of `text()` where the type does not begin with "text/"
  const bytes = await response.arrayBuffer();
  expect(response.headers.get("Content-Length")).toBe(String(bytes.byteLength));
  return new TextDecoder().decode(bytes).slice(0, -1).split("\n");
}

const typeOf = ({ data }: { data: string }): unknown =>
  (JSON.parse(data) as { type: unknown }).type;

describe("the worker: a Durable Object for each session, logs in R2, the demo runner", () => {
  // the demo plays for half a minute
  afterEach(() => abortAllDurableObjects());

  it("answers probes, and what is no route with a problem document", async () => {
    const health = await ask("/health");
    expect([health.status, await health.json()]).toEqual([200, { status: "healthy" }]);
    const ready = await ask("/ready");
    expect([ready.status, await ready.json()]).toEqual([200, { status: "ready" }]);
    await expectProblem(await ask("/api"), 404, "Not found");
    await expectProblem(await ask(`${SESSIONS}/N+o`), 400, "Invalid session name");
  });

  it("shows a run live to viewers of other requests, also to one that was there before it", async () => {
    const early = await watch("shared");
    const posted = await postRun("shared", "r1");
    expect([posted.status, await posted.json()]).toEqual([
      200,
      { runId: "r1", threadId: "shared" },
    ]);
    const late = await watch("shared");
    const events = await early.events(12);
    expect(events.slice(0, 3).map(typeOf)).toEqual([
      "MESSAGES_SNAPSHOT",
      "RUN_STARTED",
      "STATE_SNAPSHOT",
    ]);
    expect(await late.events(12)).toEqual(events);
    await Promise.all([early.cancel(), late.cancel()]);
    // the run goes on without them: another one has to wait
    expect((await postRun("shared", "r2")).status).toBe(200);
  });

  it("goes on after a cursor, while the run goes on", async () => {
    await (await postRun("resumed", "r")).text();
    const first = await watch("resumed");
    const events = await first.events(6);
    await first.cancel();
    const second = await watch("resumed", { "Last-Event-ID": events[2]?.id ?? "" });
    const more = await second.events(8);
    expect(more.slice(0, 3)).toEqual(events.slice(3));
    await second.cancel();
    const lines = await exported("resumed");
    expect(lines.slice(0, 11)).toEqual([...events.slice(0, 3), ...more].map(({ data }) => data));
  });

  it("keeps what was stored when its object ends in mid-run, closes the run and goes on", async () => {
    await (await postRun("ended", "r1")).text();
    const before = await watch("ended");
    const seen = await before.events(5);
    await abortAllDurableObjects();
    const after = await watch("ended", { "Last-Event-ID": seen.at(-1)?.id ?? "" });
    const rest: { data: string }[] = [];
    while (!rest.some((event) => typeOf(event) === "RUN_ERROR"))
      rest.push(...(await after.events(1)));
    expect(JSON.parse(rest.at(-1)?.data ?? "")).toMatchObject({
      runId: "r1",
      code: "server-restarted",
    });
    await after.cancel();
    expect(await exported("ended")).toEqual([...seen, ...rest].map(({ data }) => data));
    expect((await postRun("ended", "r2")).status).toBe(200);
  });

  it("makes, lists and deletes sessions, each of which is an object of its own", async () => {
    const made = await postJson(SESSIONS, JSON.stringify({ displayName: "Made here" }));
    const { name } = (await made.json()) as { name: string };
    expect((await postRun("made-by-a-run", "r")).status).toBe(200);
    const listed = async (): Promise<unknown[]> => {
      const { items } = (await (await ask(`${SESSIONS}?limit=100`)).json()) as {
        items: { metadata: { name: string } }[];
      };
      return items.map(({ metadata }) => metadata.name);
    };
    expect(await listed()).toEqual(expect.arrayContaining([name, "made-by-a-run"]));
    const renamed = await ask(`${SESSIONS}/${name}/displayname`, {
      method: "PUT",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ displayName: "Renamed" }),
    });
    expect(renamed.status).toBe(200);
    const found = await ask(`${SESSIONS}?search=renamed`);
    expect(await found.json()).toMatchObject({ totalCount: 1, items: [{ metadata: { name } }] });
    expect((await ask(`${SESSIONS}/${name}`, { method: "DELETE" })).status).toBe(204);
    expect(await listed()).not.toContain(name);
    await expectProblem(await ask(`${SESSIONS}/${name}`), 404, "Session not found");
  });

  it("has a session pushed by its agent through the same object as all else", async () => {
    const url = "/v1/streams/demo/pushed";
    const headers = { "Content-Type": "application/json" };
    const push = async (body: unknown): Promise<number> =>
      (await ask(url, { method: "POST", headers, body: JSON.stringify(body) })).status;
    expect((await ask(url, { method: "PUT", headers })).status).toBe(201);
    const viewer = await watch("pushed");
    const ids = { threadId: "pushed", runId: "p1" };
    expect(await push({ type: "RUN_STARTED", ...ids })).toBe(204);
    expect(typeOf((await viewer.events(1))[0]!)).toBe("RUN_STARTED");
    // it is the session's active run there: a posted one waits behind it
    expect((await postRun("pushed", "r2")).status).toBe(200);
    expect(await push({ type: "RUN_FINISHED", ...ids })).toBe(204);
    const isSecond = (event: { data: string }): boolean =>
      typeOf(event) === "RUN_STARTED" && event.data.includes('"r2"');
    expect((await viewer.until(isSecond)).map(typeOf)).toContain("RUN_FINISHED");
    await viewer.cancel();
  });

  it("takes a name that is written in another way for the same session", async () => {
    await (await postRun("hello", "r")).text();
    const [line = ""] = await exported("%68ello");
    expect(typeOf({ data: line })).toBe("MESSAGES_SNAPSHOT");
  });

  it("leaves packing to workerd, which would pack twice", async () => {
    await (await postRun("packed", "r")).text();
    const [line = ""] = await exported("packed", { "Accept-Encoding": "gzip" });
    expect(typeOf({ data: line })).toBe("MESSAGES_SNAPSHOT");
  });
});

describe("what a worker reads from its variables", () => {
  /** Values that mean something else than not to be told. */
  const TOLD = {
    RUNNER_URL: "http://{agent}.runner.invalid/",
    RUNLOG_AGENTS: "coder,support",
    RUNLOG_DEMO: "0",
    RUNLOG_AUTH: "none",
    RUNLOG_REAUTH: "61s",
    RUNLOG_TICKET: "70s",
    RUNLOG_TICKET_KEY: "a secret of more than 32 characters",
    RUNLOG_DOCS: "0",
    RUNLOG_MODELS: "model-a",
    RUNLOG_ALLOW_PUBLIC: "1",
    RUNLOG_HOSTS: "runlog.example",
    RUNLOG_FORWARD_HEADERS: "X-Tenant",
    RUNLOG_MAX_EVENT_BYTES: "1MiB",
    RUNLOG_WRITE_DEADLINE: "7s",
    RUNLOG_RUN_QUEUE: 3,
    RUNLOG_RUN_IDLE: "62s",
    RUNLOG_RUN_MAX: "63s",
    RUNLOG_RUNNER_HEADERS: "66s",
    RUNLOG_SESSION_IDLE: "64s",
    RUNLOG_DRAIN: "65s",
    RUNLOG_REATTACH: "67s",
    RUNLOG_PUSH_IDLE: "69s",
    RUNLOG_RUNNER_SILENCE: "68s",
    RUNLOG_MAX_STREAMS: 5,
    RUNLOG_MAX_SESSION_STREAMS: 4,
    RUNLOG_REPLAY_BYTES: "2MiB",
    RUNLOG_CORS_ORIGINS: "https://app.example",
  };
  /** Where RUNLOG_AUTH asks for it only. */
  const TOLD_FOR_AUTH = /^RUNLOG_(?:TOKENS|JWT_\w+)$/;

  async function open(variables: Record<string, unknown>): Promise<WorkerServer> {
    return openServer({ bucket: env.BUCKET, env: variables }, null);
  }

  it("is followed", async () => {
    const { RUNLOG_ALLOW_PUBLIC: _public, ...told } = TOLD;
    const server = await open(told);
    expect(server.service).toMatchObject({
      models: ["model-a"],
      forwardHeaders: ["x-tenant"],
      limits: {
        reauthMs: 61_000,
        ticketMs: 70_000,
        writeDeadlineMs: 7_000,
        runQueue: 3,
        runIdleMs: 62_000,
        runMaxMs: 63_000,
        sessionIdleMs: 64_000,
        drainMs: 65_000,
        reattachMs: 67_000,
        pushIdleMs: 69_000,
        maxStreams: 5,
        maxSessionStreams: 4,
        replayBytes: 2 * 1024 * 1024,
      },
    });
    const statusOf = async (host: string, headers: Record<string, string> = {}) => {
      const request = new Request(`http://${host}${SESSIONS}`, { headers });
      return (await server.fetch(request)).status;
    };
    const { directory } = server.service;
    const nobody = { project: "p1", session: "nobody" };
    expect(await directory.addressOf(nobody, "support")).toBe("http://support.runner.invalid/");
    const list = await server.fetch(new Request("http://localhost/api/projects/p1/agents"));
    expect(await list.json()).toEqual({ agents: [{ name: "coder" }, { name: "support" }] });
    expect(await statusOf("runlog.example")).toBe(200);
    expect(await statusOf("other.example")).toBe(403);
    const origin = { Origin: "https://app.example" };
    const page = await server.fetch(
      new Request(`http://localhost${SESSIONS}`, { headers: origin }),
    );
    expect(page.headers.get("Access-Control-Allow-Origin")).toBe("https://app.example");
    // tickets made by one are good for every other with the key
    const key = { project: "p1", session: "s1" };
    const { ticket } = await server.service.tickets.make(key, "Bearer t");
    const docs = await server.fetch(new Request("http://localhost/openapi.json"));
    expect(docs.status).toBe(404);
    await server.close();

    const { RUNLOG_TICKET_KEY } = TOLD;
    const everybody = await open({ RUNLOG_ALLOW_PUBLIC: "1", RUNLOG_TICKET_KEY });
    expect(await everybody.service.tickets.open(ticket)).toMatchObject({
      ...key,
      authorization: "Bearer t",
    });
    const request = new Request(`http://other.example${SESSIONS}`);
    expect((await everybody.fetch(request)).status).toBe(200);
    await everybody.close();
  });

  it("lets in who has a token of its list, whatever host is named", async () => {
    const token = "rl_of-ann";
    const entry = { name: "ann", sha256: await tokenDigest(token), right: "read" } as const;
    const RUNLOG_TOKENS = formatTokenEntry({ ...entry, projects: ["demo"] });
    const server = await open({ RUNLOG_AUTH: "token", RUNLOG_TOKENS });
    const statusOf = async (headers: Record<string, string>, method = "GET") => {
      const json = { "Content-Type": "application/json" };
      const body = method === "GET" ? {} : { method, body: "{}" };
      const url = `https://runlog.example${SESSIONS}`;
      return (await server.fetch(new Request(url, { headers: { ...json, ...headers }, ...body })))
        .status;
    };
    expect(await statusOf({})).toBe(401);
    expect(await statusOf({ Authorization: "Bearer rl_of-bob" })).toBe(401);
    expect(await statusOf({ Authorization: `Bearer ${token}` })).toBe(200);
    expect(await statusOf({ Authorization: `Bearer ${token}` }, "POST")).toBe(403);
    await server.close();
    await expect(open({ RUNLOG_AUTH: "token" })).rejects.toThrow("needs RUNLOG_TOKENS in a worker");
    await expect(open({ RUNLOG_AUTH: "token", RUNLOG_TOKENS: "ann" })).rejects.toThrow(
      "RUNLOG_TOKENS: line 1",
    );
  });

  it("counts beside what a host gives to createRunlog, for each session's object as well", async () => {
    async function* agent({ threadId, runId }: { threadId: string; runId: string }) {
      yield { type: "RUN_STARTED", threadId, runId };
      yield { type: "TEXT_MESSAGE_CHUNK", messageId: "m1", role: "assistant", delta: "from here" };
      yield { type: "RUN_FINISHED", threadId, runId };
    }
    const runlog = createRunlog({
      runner: agent,
      authorize: (c) =>
        c.req.header("Cookie") === "session=ann"
          ? { user: (c.env as { USER: string }).USER }
          : null,
    });
    const objects = new Map<unknown, { fetch(request: Request): Promise<Response> }>();
    const stored = new Map<string, unknown>();
    const storage = {
      get: async (name: string) => stored.get(name),
      put: async (name: string, value: unknown) => void stored.set(name, value),
      setAlarm: async () => {},
    };
    const bindings = {
      BUCKET: env.BUCKET,
      USER: "ann",
      RUNLOG_RUN_QUEUE: 2,
      RUNLOG: {
        idFromName: (name: string) => name,
        get(id: unknown) {
          const made = objects.get(id) ?? new runlog.RunlogObject({ storage }, bindings);
          objects.set(id, made);
          return made;
        },
      },
    };
    const call = (path: string, init: RequestInit = {}): Promise<Response> =>
      runlog.fetch(new Request(`https://any.example${SESSIONS}${path}`, init), bindings);
    const Cookie = "session=ann";
    expect((await call("")).status).toBe(401);
    expect((await call("/own/export")).status).toBe(401);
    expect((await call("", { headers: { Cookie } })).status).toBe(200);
    const posted = await call("/own/agui/run", {
      method: "POST",
      headers: { Cookie, "Content-Type": "application/json" },
      body: runBody("r1"),
    });
    expect(posted.status).toBe(200);
    expect(objects.size).toBe(1);
    const watching = await call("/own/agui/events", { headers: { Cookie } });
    const events = await new SseReader(watching.body!).until(
      (event) => typeOf(event) === "RUN_FINISHED",
    );
    expect(events.some(({ data }) => data.includes("from here"))).toBe(true);
  });

  it("is refused by name where nothing would follow it", async () => {
    const others = ALL_SETTINGS.filter(({ name }) => !(name in TOLD) && !TOLD_FOR_AUTH.test(name));
    expect(others.length).toBeGreaterThan(5);
    for (const { name } of others)
      await expect(open({ [name]: "1" }), name).rejects.toThrow(
        `${name} means nothing in a worker`,
      );
    await expect(open({ RUNLOG_AUTH: "kubernetes" })).rejects.toThrow(
      "RUNLOG_AUTH must be none, token or jwt",
    );
    await expect(open({ RUNLOG_MAX_STREAM: "1" })).rejects.toThrow(
      "RUNLOG_MAX_STREAM is not known",
    );
  });

  it("is no cause of an answer without a problem document", async () => {
    const worker = await import("../../src/entry/workerd.ts");
    const wrong = { BUCKET: env.BUCKET, RUNLOG_FSYNC: "always" } as never;
    const answer = await worker.default.fetch(new Request("http://localhost/health"), wrong);
    expect(answer.headers.get("X-Content-Type-Options")).toBe("nosniff");
    await expectProblem(answer, 500, "Internal error");
  });
});
