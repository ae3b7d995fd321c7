import { describe, expect, it, onTestFinished } from "vitest";
import { createMemoryLogStore } from "../../../adapters/memory/index.ts";
import { SESSION_ROUTES } from "../../../src/http/session-routes.ts";
import { STREAM_ROUTES } from "../../../src/http/stream-routes.ts";
import type { LogStore } from "../../../src/ports/log-store.ts";
import { expectProblem } from "../../contract/session-routes/harness.ts";
import {
  type ClusterServer,
  type ClusterServerOptions,
  createClusterServer,
  EDITOR,
  PROJECT,
  RUNNER,
  STRANGER,
  VIEWER,
} from "../../support/cluster-server.ts";

const CREATED = { displayName: "name" };

const SESSIONS = "/api/projects/:projectName/agentic-sessions";
const STREAMS = "/v1/streams/:projectName";

/** Every route there is, as method and path. */
const ROUTES = [
  ...SESSION_ROUTES.map(([method, path]) => ({ method, path: `${SESSIONS}${path}` })),
  ...STREAM_ROUTES.map(([method, path]) => ({ method, path: `${STREAMS}${path}` })),
].map(({ method, path }) => ({
  method,
  path: path.replace(/\/$/, "").replace(":taskId", "t1").replace(":runId", "r1"),
}));

/** Those that name a session. */
const SESSION_PATHS = ROUTES.filter(({ path }) => path.includes(":sessionName"));

async function freshServer(options: ClusterServerOptions = {}): Promise<ClusterServer> {
  const server = await createClusterServer(options);
  onTestFinished(() => server.dispose());
  return server;
}

function urlOf(path: string, { project = "p1", session = "s1" } = {}): string {
  return path.replace(":projectName", project).replace(":sessionName", session);
}

/** A body that no route finds fault with before it knows who calls. */
function bodyFor(method: string): unknown {
  return method === "GET" || method === "DELETE" ? undefined : CREATED;
}

/** A store that counts whatever it is asked. */
function countingStore(): { readonly store: LogStore; readonly calls: string[] } {
  const calls: string[] = [];
  const memory = createMemoryLogStore();
  const store = new Proxy(memory, {
    get(target, name: keyof LogStore) {
      const method = target[name];
      if (typeof method !== "function") return method;
      return (...args: never[]) => {
        calls.push(name);
        return Reflect.apply(method, target, args) as unknown;
      };
    },
  });
  return { store, calls };
}

describe.each(ROUTES)("$method $path", ({ method, path }) => {
  it("wants a token", async () => {
    const server = await freshServer();
    const response = await server.as(null, method, urlOf(path), bodyFor(method));
    await expectProblem(response, 401, "User token required");
    expect(server.asked).toEqual([]);
  });

  it.each(["", "  ", "two words", "ümlaut"])(
    "wants a token that can be one, not %j",
    async (text) => {
      const server = await freshServer();
      const response = await server.fetch(urlOf(path), {
        method,
        headers: { Authorization: `Bearer ${text}` },
      });
      await expectProblem(response, 401, "Invalid or missing token");
      expect(server.asked).toEqual([]);
    },
  );

  it("refuses a token that the API server does not know", async () => {
    const server = await freshServer();
    const response = await server.as("unknown", method, urlOf(path), bodyFor(method));
    await expectProblem(response, 401, "Token expired or invalid");
  });

  it("refuses who may not list the project, whether there is such a session or not", async () => {
    const server = await freshServer();
    const answers: unknown[] = [];
    for (const place of [
      {},
      { session: "s2" },
      { project: "p3" },
      { project: "p3", session: "s2" },
    ]) {
      const response = await server.as(STRANGER, method, urlOf(path, place), bodyFor(method));
      const isRunners =
        path.endsWith("/runner/feedback") || (method === "POST" && path.startsWith(STREAMS));
      const text = isRunners ? "Unauthorized" : "Unauthorized to access project";
      const { instance, ...answer } = await expectProblem(response, 403, text);
      expect(instance).toEqual(expect.any(String));
      answers.push(answer, [...response.headers.keys()]);
    }
    // four times the same: nothing tells what is there
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(2);
    expect(server.asked).not.toContain("directory");
    expect(server.runner.requests).toEqual([]);
  });

  it("asks nobody about a project that can be none", async () => {
    const { store, calls } = countingStore();
    const server = await freshServer({ store });
    const before = calls.length;
    for (const project of ["UPPER", "-x", "x".repeat(64), "a.b", "%2Fp1"]) {
      const response = await server.as(EDITOR, method, urlOf(path, { project }), bodyFor(method));
      await expectProblem(response, 400, "Invalid project name format");
    }
    expect([server.asked, server.runner.requests, calls.slice(before)]).toEqual([[], [], []]);
  });

  it("says that a question could not be asked, and refuses nobody for it", async () => {
    const server = await freshServer();
    server.state.reviews = "fails";
    const response = await server.as(EDITOR, method, urlOf(path), bodyFor(method));
    await expectProblem(response, 500, "Failed to perform access review");
    expect(server.logged.join()).toContain("access-review-failed");
  });
});

describe.each(SESSION_PATHS)("$method $path", ({ method, path }) => {
  it("asks nobody about a session that can be none, and wants a token first", async () => {
    const { store, calls } = countingStore();
    const server = await freshServer({ store });
    const before = calls.length;
    for (const session of ["UPPER", "x-", "x".repeat(64), "s1.p2.svc", "s1%3Fx", "s1%2F..%2Fs2"]) {
      const url = urlOf(path, { session });
      const response = await server.as(EDITOR, method, url, bodyFor(method));
      await expectProblem(response, 400, "Invalid session name");
      const unknown = await server.as(null, method, url, bodyFor(method));
      await expectProblem(unknown, 401, "User token required");
    }
    expect([server.asked, server.runner.requests, calls.slice(before)]).toEqual([[], [], []]);
  });
});

/** Routes whose callers are asked about for the session itself. */
const BY_VERB = {
  get: [
    "agui/events",
    "agui/capabilities",
    "agui/run/capabilities",
    "mcp/status",
    "agui/tasks",
    "agui/tasks/t1/output",
    "export",
  ],
  update: ["agui/run", "agui/interrupt", "agui/feedback", "runner/feedback", "agui/tasks/t1/stop"],
} as const;

describe("the rights on a session", () => {
  it.each(BY_VERB.get)("GET %s wants get, by name", async (suffix) => {
    const server = await freshServer();
    server.users.set(VIEWER, { name: "v", grants: [{ project: "p1", verbs: ["list", "update"] }] });
    await expectProblem(
      await server.as(VIEWER, "GET", `${PROJECT}/s1/${suffix}`),
      403,
      "Unauthorized",
    );
    expect(server.asked).toContainEqual({ project: "p1", session: "s1", verb: "get" });
  });

  it.each(BY_VERB.update)("POST %s wants update, by name", async (suffix) => {
    const server = await freshServer();
    const response = await server.as(VIEWER, "POST", `${PROJECT}/s1/${suffix}`, {});
    await expectProblem(response, 403, "Unauthorized");
    expect(server.asked).toContainEqual({ project: "p1", session: "s1", verb: "update" });
    expect(server.runner.requests).toEqual([]);
  });

  it.each([
    ["GET", "s1", undefined, 200],
    ["PATCH", "s1", { metadata: { annotations: { a: "1" } } }, 403],
    ["PUT", "s1", { displayName: "x" }, 403],
    ["DELETE", "s1", undefined, 403],
    ["POST", "s1/start", undefined, 403],
    ["POST", "s1/stop", undefined, 403],
    ["POST", "", {}, 403],
  ] as const)("%s %s is the API server's to decide, with the caller's token", async (...row) => {
    const [method, suffix, body, status] = row;
    const server = await freshServer();
    const path = suffix === "" ? PROJECT : `${PROJECT}/${suffix}`;
    const response = await server.as(VIEWER, method, path, body);
    if (status === 403) await expectProblem(response, 403, "Unauthorized");
    expect(response.status).toBe(status);
    expect((await server.directory.get({ project: "p1", session: "s1" }))?.spec).toMatchObject({
      displayName: "The session",
    });
  });

  it("displayname wants update in the project, and has texts of its own", async () => {
    const server = await freshServer();
    const path = `${PROJECT}/s1/displayname`;
    await expectProblem(
      await server.as(VIEWER, "PUT", path, CREATED),
      403,
      "Unauthorized to update session in this project",
    );
    server.users.set(VIEWER, { name: "v", grants: [{ project: "p1", verbs: ["list"] }] });
    const fails = server.service.authorizer.allows.bind(server.service.authorizer);
    Object.assign(server.service.authorizer, {
      allows: (...args: Parameters<typeof fails>) =>
        args[1].verb === "update" ? Promise.reject(new Error("429")) : fails(...args),
    });
    await expectProblem(
      await server.as(VIEWER, "PUT", path, CREATED),
      500,
      "Failed to verify permissions",
    );
  });

  it("a runner may use its own session, and what is not asked for in the project", async () => {
    const server = await freshServer();
    const meta = { type: "META", metaType: "thumbs_up", payload: {} };
    server.runner.script(async (exchange) => {
      await exchange.answer(200, { "Content-Type": "application/json" });
      await exchange.write("{}");
      await exchange.end();
    }, "feedback");
    const sent = await server.as(RUNNER, "POST", `${PROJECT}/s1/runner/feedback`, meta);
    expect(await sent.json()).toEqual({ message: "Feedback submitted", status: "sent" });
    await expectProblem(
      await server.as(RUNNER, "POST", `${PROJECT}/s2/runner/feedback`, meta),
      403,
      "Unauthorized",
    );
    await expectProblem(
      await server.as(RUNNER, "POST", `${PROJECT}/s1/agui/feedback`, meta),
      403,
      "Unauthorized to access project",
    );
  });
});

describe("the order of the checks", () => {
  it("is rights, then the session, then the body", async () => {
    const server = await freshServer();
    const post = (token: string, session: string) =>
      server.fetch(`${PROJECT}/${session}/agui/run`, {
        method: "POST",
        headers: { Authorization: token, "Content-Type": "text/plain" },
        body: "no JSON",
      });
    await expectProblem(await post(VIEWER, "gone"), 403, "Unauthorized");
    await expectProblem(await post(EDITOR, "gone"), 404, "Session not found");
    await expectProblem(await post(EDITOR, "s1"), 415, /Content-Type/);
  });

  it.each([...BY_VERB.get.map((s) => ["GET", s]), ...BY_VERB.update.map((s) => ["POST", s])])(
    "%s %s answers 404 where the session does not exist, and leaves nothing behind",
    async (method = "", suffix) => {
      const server = await freshServer();
      const body = method === "GET" ? undefined : { messages: [] };
      const response = await server.as(EDITOR, method, `${PROJECT}/gone/${suffix}`, body);
      await expectProblem(response, 404, "Session not found");
      expect((await server.store.list()).items).toEqual([]);
      expect(server.service.sessions.size).toBe(0);
      expect(server.runner.requests).toEqual([]);
    },
  );
});

describe("the token", () => {
  const events = `${PROJECT}/s1/agui/events`;

  it("is the forwarded one, else that of the Authorization header, with any Bearer or none", async () => {
    const server = await freshServer();
    const identified = async (headers: Record<string, string>) => {
      const response = await server.fetch(`${PROJECT}/s1`, { headers });
      return response.status;
    };
    expect(await identified({ Authorization: `Bearer ${EDITOR}` })).toBe(200);
    expect(await identified({ Authorization: `bEARER   ${EDITOR}` })).toBe(200);
    expect(await identified({ Authorization: EDITOR })).toBe(200);
    expect(await identified({ "X-Forwarded-Access-Token": EDITOR, Authorization: "x" })).toBe(200);
    expect(await identified({ "X-Forwarded-Access-Token": "x", Authorization: EDITOR })).toBe(401);
  });

  it("may stand in the URL of the event stream only, where no header has one", async () => {
    const server = await freshServer();
    const response = await server.fetch(`${events}?token=${EDITOR}`);
    expect(response.status).toBe(200);
    await response.body?.cancel();
    const wrong = await server.fetch(`${events}?token=${EDITOR}`, {
      headers: { Authorization: "unknown" },
    });
    await expectProblem(wrong, 401, "Token expired or invalid");
    for (const { method, path } of ROUTES.filter((route) => !route.path.endsWith("/agui/events"))) {
      const refused = await server.fetch(`${urlOf(path)}?token=${EDITOR}`, { method });
      await expectProblem(refused, 401, "User token required");
    }
  });

  it("is nobody's but the caller's: names in headers count for nothing", async () => {
    const server = await freshServer();
    const body = JSON.stringify({ messages: [{ id: "m", role: "user", content: "hi" }] });
    await server.fetch(`${PROJECT}/s1/agui/run`, {
      method: "POST",
      headers: {
        Authorization: EDITOR,
        "Content-Type": "application/json",
        "X-Forwarded-User": "somebody-else",
      },
      body,
    });
    const exported = await server.as(EDITOR, "GET", `${PROJECT}/s1/export`);
    const { aguiEvents } = (await exported.json()) as { aguiEvents: { messages?: unknown[] }[] };
    expect(aguiEvents[0]?.messages?.[0]).toMatchObject({
      metadata: { senderId: "ed-itor", senderDisplayName: "ed:itor" },
    });
  });
});
