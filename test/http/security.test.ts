import { describe, expect, it, onTestFinished } from "vitest";
import { createMemoryLogStore } from "../../adapters/memory/index.ts";
import type { Authorizer } from "../../src/ports/authorizer.ts";
import { RunlogError } from "../../src/ports/errors.ts";
import type { LogFacts, Logger } from "../../src/ports/logger.ts";
import type { LogStore } from "../../src/ports/log-store.ts";
import {
  expectProblem,
  finishedEvent,
  SessionClient,
  startedEvent,
} from "../contract/session-routes/harness.ts";
import { createTestServer, type TestServerOptions } from "../support/test-server.ts";

const ORIGIN = "https://app.example";
const SECRET = "s3cr3t-t0ken";

async function start(options: Partial<TestServerOptions> = {}) {
  const server = await createTestServer({ store: createMemoryLogStore(), ...options });
  onTestFinished(() => server.dispose());
  return { ...server, session: new SessionClient(server) };
}

describe("what a browser makes of answers (PROTOCOL 1.7)", () => {
  it("is data and never a page, whatever the answer is", async () => {
    const { session, fetch, runner } = await start();
    await session.play([startedEvent(), finishedEvent()]);
    runner.script(async (exchange) => {
      await exchange.answer(200, { "Content-Type": "text/html" });
      await exchange.write("<script>alert(1)</script>");
      await exchange.end();
    }, "tasks/t/output");
    const paths = ["/agui/events", "/export", "", "/agui/tasks/t/output", "/agui/events?view=odd"];
    const responses = await Promise.all([
      ...paths.map((path) => session.get(path)),
      fetch("/health"),
      fetch("/no/such/route"),
      fetch("/health", { headers: { Host: "evil.example" } }),
      session.get("/agui/events", {}, "HEAD"),
    ]);
    expect(responses.map(({ status }) => status)).toEqual([
      200, 200, 200, 200, 400, 200, 404, 403, 200,
    ]);
    for (const { headers, body } of responses) {
      expect(Object.fromEntries(headers)).toMatchObject({
        "x-content-type-options": "nosniff",
        "content-security-policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
        "cross-origin-resource-policy": "same-origin",
        "referrer-policy": "no-referrer",
      });
      expect(headers.has("server")).toBe(false);
      expect(headers.has("x-powered-by")).toBe(false);
      await body?.cancel();
    }
  });
});

describe("caches (PROTOCOL 1.8)", () => {
  const PRIVATE = "private, no-store";
  const cacheOf = async (answer: Promise<Response>): Promise<string | null> => {
    const { headers, body } = await answer;
    await body?.cancel();
    return headers.get("Cache-Control");
  };

  it.each<[string, string, string]>([
    ["with a token", "no-cache, private, no-store", "t"],
    ["without one", "no-cache", ""],
  ])("keep nothing of what a caller gets, %s", async (_how, ofStream, token) => {
    const authorizer: Authorizer = {
      identify: async () => ({ userId: "u", userName: null, groups: [], token: token || null }),
      allows: async (_caller, { project }) => project === "p1",
    };
    const { session, fetch } = await start({ authorizer });
    await session.play([startedEvent(), finishedEvent()]);
    const { sse } = await session.watch();
    const [first] = await sse.events(1);
    await sse.cancel();
    const paths = [
      "",
      "/export",
      "/agui/capabilities",
      `/agui/events/${first?.id}/body`,
      "/agui/tasks",
    ];
    for (const path of paths) expect(await cacheOf(session.get(path)), path).toBe(PRIVATE);
    const other = "/api/projects/p2/agentic-sessions";
    expect(await cacheOf(fetch(other)), "403").toBe(PRIVATE);
    expect(await cacheOf(session.get("/agui/run")), "405").toBe(PRIVATE);
    expect(await cacheOf(session.get("/agui/events?view=odd")), "400").toBe(PRIVATE);
    expect(await cacheOf(session.get("/agui/events"))).toBe(ofStream);
    expect(await cacheOf(session.get("/agui/events", {}, "HEAD"))).toBe(ofStream);
    expect(await cacheOf(session.post("/agui/connect", "{}"))).toBe(ofStream);
  });
});

describe("pages of other origins", () => {
  const corsHeaders = ({ headers }: Response): string[] =>
    [...headers.keys()].filter((name) => name.startsWith("access-control-"));

  it("are told nothing and may change nothing, unless that is configured", async () => {
    const { session } = await start();
    const read = await session.get("", { Origin: ORIGIN });
    expect(corsHeaders(read)).toEqual([]);
    const preflight = await session.get(
      "",
      { Origin: ORIGIN, "Access-Control-Request-Method": "POST" },
      "OPTIONS",
    );
    expect(corsHeaders(preflight)).toEqual([]);
    await expectProblem(
      await session.post("/agui/run", "{}", { Origin: ORIGIN }),
      403,
      "Origin not allowed",
    );
  });

  it("may read and change what they like when their origin is configured, and only then", async () => {
    const { session } = await start({ corsOrigins: [ORIGIN] });
    const headers = { Origin: ORIGIN };
    const preflight = await session.get(
      "/agui/run",
      {
        ...headers,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type,x-tenant,authorization",
      },
      "OPTIONS",
    );
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get("Access-Control-Allow-Origin")).toBe(ORIGIN);
    expect(preflight.headers.get("Access-Control-Allow-Headers")).toBe(
      "content-type,x-tenant,authorization",
    );
    expect(preflight.headers.get("Access-Control-Max-Age")).toBe("600");
    expect(preflight.headers.get("Vary")).toMatch(/Origin/);
    expect(preflight.headers.get("Vary")).toMatch(/Access-Control-Request-Headers/);
    await session.run(undefined, headers);
    const stream = await session.get("/agui/events", headers);
    expect(stream.headers.get("Access-Control-Allow-Origin")).toBe(ORIGIN);
    expect(stream.headers.get("Access-Control-Expose-Headers")).toMatch(/X-Runlog-Replay/);
    expect(stream.headers.get("Access-Control-Allow-Credentials")).toBeNull();
    expect(stream.headers.get("Vary")).toMatch(/Origin/);
    await stream.body?.cancel();

    for (const Origin of ["https://app.example.evil.example", "http://app.example", "null"]) {
      const other = await session.get("", { Origin });
      expect(other.headers.get("Access-Control-Allow-Origin")).toBeNull();
      await expectProblem(
        await session.post("/agui/run", "{}", { Origin }),
        403,
        "Origin not allowed",
      );
    }
  });
});

describe("a caller's token", () => {
  /** A store whose reads fail, so that there is something to log. */
  function failingStore(): LogStore {
    const fail = (): never => {
      throw new RunlogError("store-failed", "The disk failed");
    };
    return { ...createMemoryLogStore(), stat: async () => fail(), list: async () => fail() };
  }

  it.each<[string, () => LogStore]>([
    ["works", createMemoryLogStore],
    ["fails", failingStore],
  ])(
    "is in no log line, answer or request to a runner, while the store %s",
    async (_how, store) => {
      const lines: string[] = [];
      const write = (event: string, facts?: LogFacts): void => {
        const tell = (_key: string, value: unknown): unknown =>
          value instanceof Error ? `${value.stack} ${String(value.cause)}` : value;
        lines.push(`${event} ${JSON.stringify(facts, tell)}`);
      };
      const logger: Logger = { info: write, warn: write, error: write };
      const { session, runner, app } = await start({ store: store(), logger });
      const headers = { Authorization: `Bearer ${SECRET}`, "X-Forwarded-Access-Token": SECRET };
      const answers: string[] = [];
      for (const { method, path } of app.routes) {
        const target = path
          .replace(":projectName", "p1")
          .replace(":sessionName", "s1")
          .replace(":taskId", "t");
        if (method === "ALL" || target.endsWith("/agui/events")) continue;
        const body = method === "GET" ? {} : { body: '{"messages":[]}' };
        const response = await app.request(`http://127.0.0.1${target}?token=${SECRET}`, {
          method,
          headers: { ...headers, "Content-Type": "application/json" },
          ...body,
        });
        answers.push(JSON.stringify([...response.headers]) + (await response.text()));
      }
      const stream = await session.get(`/agui/events?token=${SECRET}`, headers);
      answers.push(JSON.stringify([...stream.headers]));
      await stream.body?.cancel();
      expect(answers.length).toBeGreaterThan(20);
      const requests = runner.requests.map(({ path, headers: sent, body }) =>
        JSON.stringify([path, sent, new TextDecoder().decode(body)]),
      );
      for (const text of [...lines, ...answers, ...requests]) expect(text).not.toContain(SECRET);
    },
  );
});

describe("names", () => {
  it("that could lead elsewhere are refused on every route before anybody is called (1.4)", async () => {
    const { app, runner } = await start();
    const hostile = [
      "..",
      "%2e%2e",
      "a%2Fb",
      "a%5Cb",
      "x%3Fevil",
      "x%23evil",
      "%00",
      "a%0d%0ab",
      "x".repeat(129),
    ];
    for (const { method, path } of app.routes) {
      if (method === "ALL" || !path.includes(":sessionName")) continue;
      for (const name of hostile) {
        const target = path
          .replace(":projectName", "p1")
          .replace(":sessionName", name)
          .replace(":taskId", "t");
        const response = await app.request(`http://127.0.0.1${target}`, {
          method,
          ...(method === "GET" ? {} : { body: '{"messages":[]}' }),
          headers: { "Content-Type": "application/json" },
        });
        expect([400, 404, 405], `${method} ${target}`).toContain(response.status);
        await response.body?.cancel();
      }
    }
    expect(runner.requests).toEqual([]);
  });
});

describe("one session", () => {
  it("has room for so many viewers, and no fewer for the others (4.8)", async () => {
    const { session, ...server } = await start({ limits: { maxSessionStreams: 2 } });
    const viewers = await Promise.all([session.watch(), session.watch()]);
    const refused = await session.get("/agui/events");
    expect(refused.headers.get("Retry-After")).toBe("2");
    await expectProblem(refused, 503, "Too many streams of this session are open");
    const other = await new SessionClient(server, "s2").watch();
    expect(other.response.status).toBe(200);
    await viewers[0]?.sse.cancel();
    const again = await session.watch();
    expect(again.response.status).toBe(200);
    for (const { sse } of [...viewers, other, again]) await sse.cancel();
  });
});
