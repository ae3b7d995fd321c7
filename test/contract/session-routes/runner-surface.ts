import { describe, expect, it } from "vitest";
import { textOf } from "../bytes.ts";
import type { RecordedRequest, ScriptedExchange } from "../runner-client/scripted-runner.ts";
import { waitFor } from "../wait-for.ts";
import {
  answerJson,
  expectProblem,
  finishedEvent,
  type FreshServer,
  IMPATIENT,
  openRunner,
  runBody,
  SessionClient,
  type SessionRoutesHarness,
  UNREACHABLE,
} from "./harness.ts";

/** The routes that send the runner a signal, what they call there, and what they say. */
const SIGNALS = [
  ["/agui/interrupt", "interrupt", "Interrupt signal sent"],
  ["/agui/tasks/task-1/stop", "tasks/task-1/stop", "Task stop signal sent"],
] as const;

/** What a runner may say with an error, and what a client is sent then. */
const REFUSALS: readonly (readonly [number, string, string])[] = [
  [500, '{"detail":"No active session for thread X"}', "No active session for thread X"],
  [409, '{"message":"third","error":"second","detail":"first"}', "first"],
  [404, '{"detail":"","error":"ž🐎"}', "ž🐎"],
  [503, '{"detail":null,"error":{},"message":"m"}', "m"],
  [422, '{"detail":[{"msg":"Field required"}]}', '{"detail":[{"msg":"Field required"}]}'],
  [400, " plain text\n", "plain text"],
  [502, '"a JSON string"', '"a JSON string"'],
  [599, "[]", "[]"],
  [500, "", "Runner error: HTTP 500"],
  [500, "{}", "{}"],
];

const EMPTY_CAPABILITIES = {
  framework: "unknown",
  agent_features: [],
  platform_features: [],
  file_system: false,
  mcp: false,
};

/** The routes that ask the runner for an object, and what they say without one. */
const OBJECTS = [
  ["/agui/capabilities", "capabilities", EMPTY_CAPABILITIES],
  ["/agui/run/capabilities", "capabilities", EMPTY_CAPABILITIES],
  ["/mcp/status", "mcp/status", { servers: [], totalCount: 0 }],
] as const;

const HOSTILE = ["x@127.0.0.1:1?", "x@127.0.0.1:1%3F", "a%2f..%2f", "a%2F..%2F..%2Finterrupt"]
  .concat(["y.other-ns.svc.cluster.local:8001?", "y.other-ns.svc.cluster.local:8001%3f"])
  .concat(["%2e%2e", "a".repeat(129), "a b", "a%00", "%zz", "t%C3%BC", "a;b", "a%5C..%5C"]);

export function runnerSurfaceSuite(fresh: FreshServer): void {
  describe("calls to the runner (PROTOCOL 9)", () => {
    describeInterrupt(fresh);
    for (const [route, path, message] of SIGNALS)
      describe(`POST ${route}`, () => describeSignal(fresh, route, path, message));
    for (const [route, path, fallback] of OBJECTS)
      describe(`GET ${route}`, () => describeObject(fresh, route, path, fallback));
    describeNames(fresh);
  });
}

/** The requests that the runner got beside runs and listening. */
function callsOf({ runner }: SessionRoutesHarness, path: string): RecordedRequest[] {
  const wanted = `${new URL(runner.address).pathname}${path}`;
  return runner.requests.filter((request) => request.path === wanted);
}

function describeInterrupt(fresh: FreshServer): void {
  it(
    "an interrupt names the thread of the active run, and none without one",
    fresh(async (server) => {
      const session = new SessionClient(server);
      server.runner.script((exchange) => answerJson(exchange, 200, {}), "interrupt");
      const interrupt = async (): Promise<string> => {
        expect((await session.post("/agui/interrupt", '{"runId":"other"}')).status).toBe(200);
        return textOf(callsOf(server, "interrupt").at(-1)?.body ?? new Uint8Array());
      };
      expect(await interrupt()).toBe("{}");
      const threadId = 'thread "ž"';
      const runner = await openRunner(server, () =>
        session.run(JSON.stringify({ runId: "r", threadId, messages: [] })),
      );
      await session.run(runBody("waiting"));
      expect(JSON.parse(await interrupt())).toEqual({ thread_id: threadId });
      server.runner.script((exchange) => exchange.breakOff());
      await runner.write(`data: ${finishedEvent()}\n\n`);
      await runner.end();
      await session.settled("waiting");
      await waitFor(async () => (await interrupt()) === "{}");
    }),
  );
}

function describeSignal(fresh: FreshServer, route: string, path: string, message: string): void {
  it(
    "passes the signal on, whether it comes with a body or not",
    fresh(async (server) => {
      const session = new SessionClient(server);
      server.runner.script((exchange) => answerJson(exchange, 200, { message: "own" }), path);
      const plain = { method: "POST" };
      for (const response of [
        await session.post(route, '{"runId":"r"}'),
        await session.post(route, "not evaluated"),
        await session.post(route, ""),
        await server.fetch(`${session.path}${route}`, plain),
      ]) {
        expect(response.status).toBe(200);
        expect(await response.json()).toEqual({ message });
      }
      const calls = callsOf(server, path);
      expect(calls).toHaveLength(4);
      for (const { method, headers, body } of calls) {
        expect([method, headers["content-type"]]).toEqual(["POST", "application/json"]);
        expect(textOf(body)).toBe("{}");
      }
    }),
  );

  it(
    "refuses a body that is not JSON with 415 and a large one with 413, and calls nobody",
    fresh(async (server) => {
      const session = new SessionClient(server);
      for (const type of ["text/plain", "application/x-www-form-urlencoded"]) {
        const response = await session.post(route, "", { "Content-Type": type });
        await expectProblem(response, 415, "Content-Type must be application/json");
      }
      const untyped = { method: "POST", body: new TextEncoder().encode("{}") };
      const response = await server.fetch(`${session.path}${route}`, untyped);
      await expectProblem(response, 415, "Content-Type must be application/json");
      const large = " ".repeat(64 * 1024 + 1);
      await expectProblem(await session.post(route, large), 413, "Request body too large");
      expect(server.runner.requests).toEqual([]);
    }),
  );

  it(
    "is 502 when nobody answers, and when the runner does not know the server",
    fresh(async (server) => {
      const unreachable = await new SessionClient(server, UNREACHABLE).post(route, "{}");
      await expectProblem(unreachable, 502, "Runner is not available");
      server.runner.script((exchange) => exchange.closed, path);
      const late = await new SessionClient(server, IMPATIENT).post(route, "{}");
      await expectProblem(late, 502, "Runner is not available");
      server.runner.script((exchange) => exchange.breakOff(), path);
      const broken = await new SessionClient(server).post(route, "{}");
      await expectProblem(broken, 502, "Runner is not available");
      server.runner.script((exchange) => answerJson(exchange, 401, { detail: "no" }), path);
      const unknown = await new SessionClient(server).post(route, "{}");
      await expectProblem(unknown, 502, "Runner refused the session token");
    }),
  );

  describeRefusals(fresh, path, (session) => session.post(route, "{}"));

  it(
    "is 502 when the runner's answer is neither 200 nor an error",
    fresh(async (server) => {
      for (const status of [202, 204, 307]) {
        server.runner.script(async (exchange) => {
          await exchange.answer(status, { location: "/" });
          await exchange.end();
        }, path);
        const response = await new SessionClient(server).post(route, "{}");
        await expectProblem(response, 502, `Runner error: HTTP ${status}`);
      }
    }),
  );
}

/** A runner's errors, as every route passes them on that does. */
export function describeRefusals(
  fresh: FreshServer,
  path: string,
  ask: (session: SessionClient) => Promise<Response>,
): void {
  it(
    "passes the runner's error on: its status, and what it says",
    fresh(async (server) => {
      for (const [status, body, text] of REFUSALS) {
        server.runner.script((exchange) => answerJson(exchange, status, body), path);
        await expectProblem(await ask(new SessionClient(server)), status, text);
      }
    }),
  );

  it(
    "shows 1 KiB of an error without end, and reads no more",
    fresh(async (server) => {
      const closed: boolean[] = [];
      server.runner.script(async (exchange) => {
        await exchange.answer(500);
        const gone = exchange.closed.then(() => closed.push(true));
        // 1,022 bytes and one character that the limit cuts
        await exchange.write("x".repeat(1022));
        await exchange.write("🐎");
        await writeForEver(exchange);
        await gone;
      }, path);
      const response = await ask(new SessionClient(server));
      await expectProblem(response, 500, "x".repeat(1022));
      await waitFor(() => closed.length === 1, { what: "the call to be closed" });
    }),
  );

  it(
    "tells nobody where the runner is",
    fresh(async (server) => {
      const { host } = new URL(server.runner.address);
      const detail = `no route from ${host} to http://10.1.2.3:8001/x, session-a.p1.svc.cluster.local:8001`;
      server.runner.script((exchange) => answerJson(exchange, 500, { detail }), path);
      const text = "no route from [address] to http://[address]/x, [address]";
      await expectProblem(await ask(new SessionClient(server)), 500, text);
    }),
  );
}

/** Writes until the client has gone: that fails the last piece. */
async function writeForEver(exchange: ScriptedExchange): Promise<void> {
  const isTaken = (): Promise<boolean> =>
    exchange.write("y".repeat(64)).then(
      () => true,
      () => false,
    );
  while (await isTaken());
}

function describeObject(
  fresh: FreshServer,
  route: string,
  path: string,
  fallback: Record<string, unknown>,
): void {
  it(
    "passes the runner's object on as it is",
    fresh(async (server) => {
      const body = '{ "z": 12345678901234567890,\n"a":"\\u0041ž", "servers":[] } ';
      server.runner.script((exchange) => answerJson(exchange, 200, body), path);
      const response = await new SessionClient(server).get(route);
      expect(response.status).toBe(200);
      expect(response.headers.get("Content-Type")).toBe("application/json");
      expect(await response.text()).toBe(body);
      expect(callsOf(server, path)).toMatchObject([{ method: "GET" }]);
    }),
  );

  it(
    "says so itself when the runner answers anything else, or not at all",
    fresh(async (server) => {
      const expectFallback = async (session: SessionClient, what: string): Promise<void> => {
        const response = await session.get(route);
        expect(response.status, what).toBe(200);
        expect(response.headers.get("Content-Type")).toBe("application/json");
        expect(await response.json(), what).toEqual(fallback);
      };
      const session = new SessionClient(server);
      const large = `{"a":"${"x".repeat(1024 * 1024)}"}`;
      for (const [status, body] of [
        [200, "[]"],
        [200, "not JSON"],
        [200, '{"cut":'],
        [200, "null"],
        [200, large],
        [201, '{"a":1}'],
        [401, '{"a":1}'],
        [404, '{"a":1}'],
        [500, '{"a":1}'],
      ] as const) {
        server.runner.script((exchange) => answerJson(exchange, status, body), path);
        await expectFallback(session, `${status} ${body.slice(0, 20)}`);
      }
      server.runner.script(async (exchange) => {
        await exchange.answer(200);
        await exchange.write('{"a":');
        await exchange.breakOff();
      }, path);
      await expectFallback(session, "broken off");
      server.runner.script((exchange) => exchange.closed, path);
      await expectFallback(new SessionClient(server, IMPATIENT), "silent");
      await expectFallback(new SessionClient(server, UNREACHABLE), "unreachable");
    }),
  );
}

function describeNames(fresh: FreshServer): void {
  it(
    "a session or task id outside the rule is refused, and nobody is called",
    fresh(async (server) => {
      const routes = [
        ["POST", "/agui/interrupt"],
        ["POST", "/agui/feedback"],
        ["POST", "/runner/feedback"],
        ["GET", "/agui/capabilities"],
        ["GET", "/agui/run/capabilities"],
        ["GET", "/mcp/status"],
        ["GET", "/agui/tasks"],
        ["GET", "/agui/tasks/task-1/output"],
        ["POST", "/agui/tasks/task-1/stop"],
      ] as const;
      for (const id of HOSTILE)
        for (const [method, route] of routes) {
          const base = "/api/projects/p1/agentic-sessions";
          const paths = [`${base}/${id}${route}`];
          if (route.includes("task-1")) paths.push(`${base}/s1${route.replace("task-1", id)}`);
          for (const path of paths) {
            const init = { body: '{"type":"META"}', headers: JSON_TYPE };
            const response = await server.fetch(path, {
              method,
              ...(method === "POST" && init),
            });
            await response.body?.cancel();
            // what a URL parser cuts may leave the name of a session
            expect([400, 404, 405], `${method} ${path}`).toContain(response.status);
          }
        }
      expect(server.runner.requests).toEqual([]);
    }),
  );

  it(
    "a task id may have 128 of the letters, digits, _ and -, and is told to be wrong otherwise",
    fresh(async (server) => {
      const session = new SessionClient(server);
      const longest = "aZ0_-".padEnd(128, "x");
      server.runner.script((exchange) => answerJson(exchange, 200, {}), `tasks/${longest}/stop`);
      expect((await session.post(`/agui/tasks/${longest}/stop`, "{}")).status).toBe(200);
      for (const id of [`${longest}x`, "a.b", "x%40127.0.0.1%3A1%3F", "%20"]) {
        const stop = await session.post(`/agui/tasks/${id}/stop`, "{}");
        await expectProblem(stop, 400, "Invalid task id");
        await expectProblem(await session.get(`/agui/tasks/${id}/output`), 400, "Invalid task id");
      }
      const both = new SessionClient(server, "Y+");
      await expectProblem(await both.get("/agui/tasks/a.b/output"), 400, "Invalid session name");
      expect(server.runner.requests).toHaveLength(1);
    }),
  );
}

const JSON_TYPE = { "Content-Type": "application/json" };
