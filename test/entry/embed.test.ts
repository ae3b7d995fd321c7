import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { serve } from "@hono/node-server";
import { AbstractAgent, EventType, type BaseEvent, type RunAgentInput } from "@ag-ui/client";
import { Hono } from "hono";
import { HTTPException } from "hono/http-exception";
import { Observable } from "rxjs";
import { describe, expect, it, onTestFinished } from "vitest";
import { createMemoryLogStore } from "../../adapters/memory/index.ts";
import type { AgentEvent, AgentInput, AgentRunOptions } from "../../adapters/in-process/index.ts";
import {
  createCopilotKitRoutes,
  createRunlog,
  type Runlog,
  type RunlogOptions,
} from "../../src/entry/embed.ts";
import { SseReader } from "../contract/read-sse.ts";
import { runBody, SessionClient } from "../contract/session-routes/harness.ts";
import { freshDir } from "../support/server-process.ts";
import { waitFor } from "../support/wait-for.ts";

const JSON_BODY = { "Content-Type": "application/json" };
const SILENT = { info() {}, warn() {}, error() {} };

async function runlogWith(
  runner: RunlogOptions["runner"],
  options: Partial<RunlogOptions> = {},
): Promise<Runlog> {
  const storage = createMemoryLogStore();
  const runlog = await createRunlog({ storage, logger: SILENT, runner, ...options });
  onTestFinished(() => runlog.close());
  return runlog;
}

/** A session of the whole server that it is, as callers on this machine see it. */
function sessionOf(runlog: Runlog, session = "s1"): SessionClient {
  const fetch = async (path: string, init?: RequestInit): Promise<Response> =>
    runlog.fetch(new Request(`http://localhost${path}`, init));
  return new SessionClient({ fetch } as ConstructorParameters<typeof SessionClient>[0], session);
}

async function* greet({ threadId, runId }: AgentInput): AsyncGenerator<AgentEvent> {
  const message = { messageId: `answer-${runId}`, role: "assistant" };
  yield { type: "RUN_STARTED", threadId, runId };
  yield { type: "TEXT_MESSAGE_CHUNK", ...message, delta: "Hello" };
  yield { type: "RUN_FINISHED", threadId, runId };
}

/** The events of the run `r` that the agent made, once it has ended. */
async function eventsOf(runlog: Runlog): Promise<Record<string, unknown>[]> {
  const session = sessionOf(runlog);
  await session.run();
  const lines = await session.settled();
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}

describe("the host's own client", () => {
  it("runs and watches sessions without a socket, whoever may call", async () => {
    const { client, routes } = await runlogWith(greet, { authorize: () => null, project: "p" });
    const session = client.session("s1");
    await session.run({ runId: "r", messages: [{ role: "user", content: "hi" }] });
    const types: string[] = [];
    for await (const { event } of session.events()) {
      types.push(event.type);
      if (event.type === "RUN_FINISHED") break;
    }
    expect(types.at(-1)).toBe("RUN_FINISHED");
    expect((await session.messages()).messages).toMatchObject([{}, { content: "Hello" }]);
    expect((await client.list()).items).toMatchObject([{ metadata: { namespace: "p" } }]);
    const asOthers = await new Hono().route("/", routes).request("/s1/agui/messages");
    expect(asOthers.status).toBe(401);
  });

  it("leaves no viewer behind when its reader leaves", async () => {
    const { client, service } = await runlogWith(greet);
    const leaving = new AbortController();
    const reading = client.session("s1").events({ signal: leaving.signal }).next();
    await waitFor(() => service.pacer.open === 1, { what: "a viewer" });
    leaving.abort();
    expect((await reading).done).toBe(true);
    await waitFor(() => service.pacer.open === 0, { what: "no viewer" });
  });
});

describe("an agent in the host's process", () => {
  it("is a runner like others: what a function yields is stored and shown", async () => {
    const events = await eventsOf(await runlogWith(greet));
    expect(events.map(({ type }) => type)).toEqual([
      "MESSAGES_SNAPSHOT",
      "RUN_STARTED",
      "TEXT_MESSAGE_CHUNK",
      "RUN_FINISHED",
    ]);
  });

  it("may be an AbstractAgent, of which each run has a clone", async () => {
    const made: PlainAgent[] = [];
    class PlainAgent extends AbstractAgent {
      run({ threadId, runId }: RunAgentInput): Observable<BaseEvent> {
        made.push(this);
        return new Observable((subscriber) => {
          subscriber.next({ type: EventType.RUN_STARTED, threadId, runId });
          subscriber.next({ type: EventType.RUN_FINISHED, threadId, runId });
          subscriber.complete();
        });
      }
      override async getCapabilities() {
        return { multiAgent: { supported: true } };
      }
    }
    const agent = new PlainAgent({});
    const runlog = await runlogWith(agent);
    const events = await eventsOf(runlog);
    expect(events.map(({ type }) => type).slice(-2)).toEqual(["RUN_STARTED", "RUN_FINISHED"]);
    expect(made).toHaveLength(1);
    expect(made[0]).not.toBe(agent);
    const capabilities = await sessionOf(runlog).get("/agui/capabilities");
    expect(await capabilities.json()).toMatchObject({ multiAgent: { supported: true } });
  });

  it.each<[string, (input: AgentInput) => AsyncGenerator<AgentEvent>, string]>([
    [
      "that throws",
      async function* ({ threadId, runId }) {
        yield { type: "RUN_STARTED", threadId, runId };
        throw new Error("No model answers");
      },
      "No model answers",
    ],
    [
      "whose event is no JSON",
      async function* () {
        yield { type: "CUSTOM", name: "n", value: 1n };
      },
      "BigInt",
    ],
    [
      "that forgets its end",
      async function* ({ threadId, runId }) {
        yield { type: "RUN_STARTED", threadId, runId };
      },
      "without RUN_FINISHED",
    ],
  ])("%s ends its run with RUN_ERROR and what was wrong", async (_, agent, message) => {
    const events = await eventsOf(await runlogWith(agent));
    expect(events.at(-1)).toMatchObject({ type: "RUN_ERROR", code: "agent-failed" });
    expect(events.at(-1)!["message"]).toContain(message);
  });

  it.each<[string, object]>([
    [
      "abortRun",
      {
        abortRun: () => {
          throw new Error("cannot stop");
        },
      },
    ],
    ["abortRun later", { abortRun: () => Promise.reject(new Error("cannot stop")) }],
    [
      "unsubscribe",
      {
        unsubscribe: () => {
          throw new Error("cannot stop");
        },
      },
    ],
  ])(
    "harms nobody when it fails to stop: %s",
    async (
      _,
      {
        abortRun = () => {},
        unsubscribe = () => {},
      }: { abortRun?: () => unknown; unsubscribe?: () => void },
    ) => {
      const agent = {
        abortRun,
        run: ({ threadId, runId }: AgentInput) => ({
          subscribe: ({ next }: { next: (event: AgentEvent) => void }) => {
            next({ type: "RUN_STARTED", threadId, runId });
            return { unsubscribe };
          },
        }),
      };
      const session = sessionOf(await runlogWith(agent));
      const { sse } = await session.watch();
      await session.run();
      await sse.until(({ data }) => data.includes("RUN_STARTED"));
      expect((await session.post("/agui/interrupt", "{}")).status).toBeLessThan(300);
      await sse.until(({ data }) => data.includes('"code":"interrupted"'));
      await sse.cancel();
    },
  );

  it("may throw what is no text", async () => {
    const events = await eventsOf(
      await runlogWith(async function* ({ threadId, runId }): AsyncGenerator<AgentEvent> {
        yield { type: "RUN_STARTED", threadId, runId };
        throw Object.create(null);
      }),
    );
    expect(events.at(-1)).toMatchObject({ type: "RUN_ERROR", code: "agent-failed" });
  });

  it.each(["cancel", "interrupt"])("learns by its signal when callers %s its run", async (how) => {
    let reason: unknown = null;
    async function* wait(
      { threadId, runId }: AgentInput,
      { signal }: AgentRunOptions,
    ): AsyncGenerator<AgentEvent> {
      yield { type: "RUN_STARTED", threadId, runId };
      await once(signal, "abort");
      reason = signal.reason;
      throw reason;
    }
    const runlog = await runlogWith(wait);
    const session = sessionOf(runlog);
    const { sse } = await session.watch();
    await session.run();
    await sse.until(({ data }) => data.includes("RUN_STARTED"));
    const answer = await session.post(`/agui/${how}`, "{}");
    expect(answer.status).toBeLessThan(300);
    const last = (await sse.until(({ data }) => data.includes("RUN_ERROR"))).at(-1)!;
    expect(last.data).toContain('"code":"interrupted"');
    await waitFor(() => reason !== null, { what: "the agent's signal" });
    await sse.cancel();
  });
});

describe("the routes of a host", () => {
  /** The host's server, with its own way to know callers. */
  async function hostOf(runlog: Runlog, path: string): Promise<string> {
    const app = new Hono().route(path, runlog.routes);
    const server = serve({ fetch: app.fetch, hostname: "127.0.0.1", port: 0 });
    await once(server, "listening");
    onTestFinished(() => void server.close());
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  const post = (url: string, headers: Record<string, string> = {}) =>
    fetch(url, { method: "POST", body: runBody(), headers: { ...JSON_BODY, ...headers } });

  it("are mounted for one project, or for those of the path", async () => {
    const runlog = await runlogWith(greet, { project: "mine" });
    const [one, many] = [await hostOf(runlog, "/chats"), await hostOf(runlog, "/p/:projectName/c")];
    expect((await post(`${one}/chats/s1/agui/run`)).status).toBe(200);
    expect((await post(`${many}/p/other/c/s2/agui/run`)).status).toBe(200);
    const namesAt = async (url: string): Promise<unknown[]> => {
      const { items } = (await (await fetch(url)).json()) as {
        items: { metadata: { name: string; namespace: string } }[];
      };
      return items.map(({ metadata: { name, namespace } }) => `${namespace}/${name}`);
    };
    expect(await namesAt(`${one}/chats`)).toEqual(["mine/s1"]);
    expect(await namesAt(`${many}/p/mine/c`)).toEqual(["mine/s1"]);
    expect(await namesAt(`${many}/p/other/c`)).toEqual(["other/s2"]);
  });

  it("are Durable Streams as well, for one project or those of the path, to who may use them", async () => {
    const authorize: RunlogOptions["authorize"] = (c) =>
      c.req.header("Authorization") === "Bearer ann"
        ? { user: "ann", may: ({ session }) => session === null || session === "s1" }
        : null;
    const runlog = await runlogWith(greet, { project: "mine", authorize });
    const app = new Hono()
      .route("/streams", runlog.streamRoutes)
      .route("/p/:projectName/streams", runlog.streamRoutes);
    const send = async (method: string, path: string, body?: string): Promise<Response> =>
      app.request(path, {
        method,
        headers: { ...JSON_BODY, Authorization: "Bearer ann" },
        ...(body !== undefined && { body }),
      });
    expect((await app.request("/streams/s1")).status).toBe(401);
    const started = '{"type":"RUN_STARTED","threadId":"s1","runId":"pushed"}';
    expect((await send("PUT", "/streams/s1", `[${started}]`)).status).toBe(201);
    const finished = '{"type":"RUN_FINISHED","threadId":"s1","runId":"pushed"}';
    expect((await send("POST", "/streams/s1", finished)).status).toBe(204);
    const read = await send("GET", "/p/mine/streams/s1/runs/pushed");
    expect([read.headers.get("Stream-Closed"), await read.text()]).toEqual([
      "true",
      `[${started},${finished}]`,
    ]);
    expect((await send("GET", "/p/other/streams/s1")).status).toBe(404);
    expect((await send("GET", "/streams/s2")).status).toBe(403);
    expect((await runlog.client.session("s1").runs()).runs).toMatchObject([{ runId: "pushed" }]);
  });

  it("ask the host who calls and what they may do, for open streams again", async () => {
    const users = new Map([["a", { user: "ann@example.org" }]]);
    const runlog = await runlogWith(greet, {
      limits: { reauthMs: 10 },
      authorize: (c) => {
        const found = users.get(c.req.header("Cookie") ?? "");
        return found ? { ...found, may: ({ session }) => session !== "secret" } : null;
      },
    });
    const url = `${await hostOf(runlog, "/s")}/s`;
    expect((await post(`${url}/s1/agui/run`)).status).toBe(401);
    expect((await post(`${url}/secret/agui/run`, { Cookie: "a" })).status).toBe(403);
    expect((await post(`${url}/s1/agui/run`, { Cookie: "a" })).status).toBe(200);
    const crossSite = { Cookie: "a", Origin: "https://evil.example" };
    expect((await post(`${url}/s1/agui/run`, crossSite)).status).toBe(403);
    const stream = await fetch(`${url}/s1/agui/events`, { headers: { Cookie: "a" } });
    expect(stream.headers.get("cache-control")).toContain("no-store");
    const sse = new SseReader(stream.body!);
    await sse.until(({ data }) => data.includes("RUN_FINISHED"));
    users.clear();
    // a first no is asked again before it counts
    while ((await sse.event()) !== null);
  });

  it("ask the host one question a request, about the session that it concerns", async () => {
    const asked: string[] = [];
    const runlog = await runlogWith(greet, {
      authorize: () => ({
        user: "ann",
        may: ({ project, session, verb }) => {
          asked.push(`${verb} ${project}/${session ?? "*"}`);
          return session?.startsWith("ann-") ?? false;
        },
      }),
    });
    const url = `${await hostOf(runlog, "/s")}/s`;
    const calls: readonly [string, string, string][] = [
      ["GET", "", "list default/*"],
      ["POST", "", "create default/*"],
      ["GET", "/bob-1", "get default/bob-1"],
      ["DELETE", "/bob-1", "delete default/bob-1"],
      ["PATCH", "/bob-1", "update default/bob-1"],
      ["PUT", "/bob-1", "update default/bob-1"],
      ["PUT", "/bob-1/displayname", "update default/bob-1"],
      ["POST", "/bob-1/start", "update default/bob-1"],
      ["POST", "/bob-1/stop", "update default/bob-1"],
      ["GET", "/bob-1/pod-events", "get default/bob-1"],
      ["GET", "/bob-1/agui/events", "get default/bob-1"],
      ["POST", "/bob-1/agui/connect", "get default/bob-1"],
      ["POST", "/bob-1/agui/run", "update default/bob-1"],
      ["GET", "/bob-1/export", "get default/bob-1"],
    ];
    for (const [method, path, question] of calls) {
      const body = method === "GET" || method === "DELETE" ? {} : { body: "{}" };
      const { status } = await fetch(`${url}${path}`, { method, headers: JSON_BODY, ...body });
      expect([path, method, status, asked.splice(0)]).toEqual([path, method, 403, [question]]);
    }
    expect((await post(`${url}/ann-1/agui/run`)).status).toBe(200);
    expect((await fetch(`${url}/ann-1`)).status).toBe(200);
    expect((await fetch(`${url}/ann-1`, { method: "DELETE" })).status).toBe(204);
  });

  it("serve pages of CopilotKit wherever the host wants, for callers whom it knows by what it has set", async () => {
    const runlog = await runlogWith(greet, {
      authorize: (c) => {
        const user: string | undefined = c.get("user");
        return user === undefined
          ? null
          : { user, may: ({ session, verb }) => verb !== "list" && session !== "secret" };
      },
    });
    const app = new Hono();
    app.use("*", async (c, next) => {
      const user = c.req.header("Cookie");
      if (user !== undefined) c.set("user" as never, user as never);
      await next();
    });
    app.route("/chat/:tenant/copilot", createCopilotKitRoutes(runlog));
    const send = (path: string, headers: Record<string, string>, body?: string) =>
      app.request(`/chat/acme/copilot${path}`, {
        headers: { ...JSON_BODY, ...headers },
        ...(body !== undefined && { method: "POST", body }),
      });
    const ann = { Cookie: "ann" };
    expect((await send("/info", {})).status).toBe(401);
    expect(await (await send("/info", ann)).json()).toMatchObject({
      threadEndpoints: { list: false, inspect: true },
    });
    const run = (threadId: string): string =>
      JSON.stringify({ threadId, runId: "r", messages: [], tools: [], context: [] });
    expect((await send("/agent/default/run", ann, run("secret"))).status).toBe(403);
    const running = await send("/agent/default/run", ann, run("s1"));
    expect(await running.text()).toContain("Hello");
    const suggesting = await send("/agent/default/suggest", ann, run("s2"));
    expect(await suggesting.text()).toContain("Hello");
    expect((await send("/threads/s1/messages", ann)).status).toBe(200);
    expect((await send("/threads/s2/messages", ann)).status).toBe(404);
    expect((await send("/threads", ann)).status).toBe(403);
  });

  it.each<[string, () => unknown, number]>([
    ["null", () => null, 401],
    ["a redirect", () => Response.redirect("http://host.example/login", 302), 302],
    ["an HTTPException", () => Promise.reject(new HTTPException(402, { message: "Pay" })), 402],
    ["true", () => true, 500],
    ["a text", () => "ann", 500],
    ["an empty object", () => ({}), 500],
    ["undefined", () => undefined, 500],
    ["an error", () => Promise.reject(new Error("The database is away")), 500],
    ["a caller who may perhaps", () => ({ user: "ann", may: () => undefined }), 403],
    ["a caller who may by a text", () => ({ user: "ann", may: async () => "no" }), 403],
    ["a caller without a list of rights", () => ({ user: null }), 200],
  ])("let nobody in by mistake: %s", async (_, found, status) => {
    const authorize = found as NonNullable<RunlogOptions["authorize"]>;
    const runlog = await runlogWith(greet, { authorize });
    const url = `${await hostOf(runlog, "/s")}/s`;
    const answer = await fetch(`${url}/s1/agui/run`, {
      method: "POST",
      body: runBody(),
      headers: JSON_BODY,
      redirect: "manual",
    });
    expect(answer.status).toBe(status);
  });

  it("are refused at a path that tells tenants apart and names no project", async () => {
    const url = await hostOf(await runlogWith(greet), "/t/:tenant/s");
    expect((await post(`${url}/t/one/s/s1/agui/run`)).status).toBe(500);
  });

  it("end a stream that was being opened when they were closed", async () => {
    // each delay meets the opening at another step
    for (let delayMs = 0; delayMs < 8; delayMs++) {
      const runlog = await runlogWith(greet, { storage: `file:${await freshDir()}` });
      const url = await hostOf(runlog, "/s");
      const stream = fetch(`${url}/s/s1/agui/events`).then((answer) => answer.text());
      await new Promise((resolve) => setTimeout(resolve, delayMs));
      await runlog.close();
      await stream.catch(() => "refused");
    }
  });

  it("serve this machine alone where nobody authorizes callers", async () => {
    const runlog = await runlogWith(greet);
    const path = "/api/projects/p1/agentic-sessions/s1";
    const ask = (host: string, address?: string) =>
      runlog.fetch(
        new Request(`http://${host}${path}/agui/run`, {
          method: "POST",
          body: runBody(),
          headers: JSON_BODY,
        }),
        address === undefined
          ? undefined
          : {
              incoming: { socket: { remoteAddress: address, remotePort: 1, remoteFamily: "IPv4" } },
            },
      );
    for (const [host, address] of [
      ["public.example", "127.0.0.1"],
      ["localhost", "192.0.2.1"],
      ["localhost", "::ffff:192.0.2.1"],
    ] as const) {
      const refused = await ask(host, address);
      expect(refused.status).toBe(403);
      expect(await refused.text()).toContain("authorize");
    }
    const proxied = new Request(`http://localhost${path}`, {
      headers: { "X-Forwarded-For": "192.0.2.1" },
    });
    expect((await runlog.fetch(proxied)).status).toBe(403);
    expect((await ask("localhost", "::1")).status).toBe(200);
    expect((await ask("localhost")).status).toBe(200);
  });
});

it.each<[string, unknown, RegExp]>([
  ["no options", undefined, /runner must be/],
  ["a runner that is no URL", { runner: "somewhere" }, /runner must be/],
  ["origins that are a text", { runner: greet, corsOrigins: "http://a" }, /corsOrigins must be/],
  ["a project that cannot be", { runner: greet, project: "Bad_Name" }, /Invalid project name/],
  ["access that is no function", { runner: greet, authorize: "ann" }, /authorize must be/],
])("%s is refused before anything is opened", async (_, options, message) => {
  await expect(createRunlog(options as RunlogOptions)).rejects.toThrow(message);
});

it("a storage that cannot be is refused, with what it may be", async () => {
  await expect(createRunlog({ storage: "ftp://x", runner: greet })).rejects.toThrow(
    /storage must be file:<dir>, s3:.* or memory:, not "ftp:\/\/x"/,
  );
});
