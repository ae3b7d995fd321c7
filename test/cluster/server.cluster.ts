import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { KubeConfig, KubernetesObjectApi, loadAllYaml } from "@kubernetes/client-node";
import { afterAll, beforeAll, expect, it } from "vitest";
import { corePath, podName, sessionPath } from "../../adapters/kubernetes/resources.ts";
import { SESSION_ROUTES } from "../../src/http/session-routes.ts";
import { STREAM_ROUTES } from "../../src/http/stream-routes.ts";
import type { Caller } from "../../src/ports/authorizer.ts";
import {
  expectProblem,
  finishedEvent,
  openRunner,
  runBody,
  SessionClient,
  startedEvent,
  tell,
} from "../contract/session-routes/harness.ts";
import type { Document } from "../contract/session-routes/project-client.ts";
import { waitFor } from "../contract/wait-for.ts";
import {
  freshDir,
  freshRunner,
  harnessOf,
  type ServerProcess,
  startServer,
} from "../support/server-process.ts";
import { type ApiServer, startApiServer } from "../../scripts/cluster/api-server.ts";
import { applyCrd, type ClusterAdmin, createAdmin } from "../../scripts/cluster/admin.ts";

const PROJECT = "served";
const B = `/api/projects/${PROJECT}/agentic-sessions`;

let api: ApiServer;
let admin: ClusterAdmin;
let dir: string;
/** A kubeconfig of the account and the rights that the manifests give. */
let kubeconfig: string;
let editor: Caller;
let viewer: Caller;
let stranger: Caller;

beforeAll(async () => {
  api = await startApiServer();
  admin = createAdmin(api.kubeconfig);
  dir = await mkdtemp(join(tmpdir(), "runlog-server-"));
  await applyCrd(api.kubeconfig, admin);
  for (const project of [PROJECT, "elsewhere", "runlog"]) await admin.makeProject(project);
  await apply("base/rbac.yaml");
  await apply("project/role-binding.yaml", PROJECT);
  const own = await admin.makeAccount("runlog", "runlog");
  kubeconfig = join(dir, "kubeconfig");
  const text = await readFile(api.kubeconfig, "utf8");
  await writeFile(kubeconfig, text.replace(/token: "[^"]*"/, `token: "${own.token}"`));
  const made = { "ambient-code.io/created-by-user-id": "the-editor" };
  editor = await admin.makeAccount(PROJECT, "editor", made);
  await admin.allow(PROJECT, editor, ["get", "list", "create", "update", "delete"]);
  viewer = await admin.makeAccount(PROJECT, "viewer");
  stranger = await admin.makeAccount("elsewhere", "stranger");
  await admin.allow("elsewhere", stranger, ["*"]);
});

afterAll(async () => {
  await admin.close();
  await api.stop();
  await rm(dir, { recursive: true });
});

/** Applies a manifest as it is, what is of no namespace by itself to `namespace`. */
async function apply(file: string, namespace?: string): Promise<void> {
  const config = new KubeConfig();
  config.loadFromFile(api.kubeconfig);
  const client = KubernetesObjectApi.makeApiClient(config);
  const url = new URL(`../../scripts/deploy/${file}`, import.meta.url);
  for (const object of loadAllYaml(await readFile(url, "utf8")))
    await client.create({
      ...(object as { kind: string }),
      ...(namespace !== undefined && {
        metadata: { ...(object as { metadata: object }).metadata, namespace },
      }),
    });
}

async function serve(env: Record<string, string> = {}) {
  const runner = await freshRunner();
  const server = await startServer({
    cwd: await freshDir(),
    env: {
      RUNLOG_AUTH: "kubernetes",
      HOST: "127.0.0.1",
      KUBECONFIG: kubeconfig,
      RUNNER_URL: runner.address,
      RUNLOG_REAUTH: "1s",
      ...env,
    },
  });
  return { runner, server };
}

function as(server: ServerProcess, caller: Caller, method: string, path: string, body?: unknown) {
  return server.fetch(path, {
    method,
    headers: {
      Authorization: `Bearer ${caller.token}`,
      ...(body !== undefined && { "Content-Type": "application/json" }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
}

/** A session as a caller sees it; the server's runner plays for it. */
function sessionOf(
  { server, runner }: Awaited<ReturnType<typeof serve>>,
  who: Caller,
  name: string,
) {
  const harness = harnessOf(server, runner);
  return new SessionClient(
    {
      ...harness,
      fetch: (path, init = {}) =>
        harness.fetch(path, {
          ...init,
          headers: {
            ...(init.headers as Record<string, string> | undefined),
            Authorization: `Bearer ${who.token}`,
          },
        }),
    },
    name,
    PROJECT,
  );
}

interface Resource extends Document {
  readonly status: Document["status"] & { readonly lastActivityTime?: string };
}

function resourceOf(session: string): Promise<Resource> {
  return admin.ask("GET", sessionPath({ project: PROJECT, session }));
}

async function setStatus(session: string, status: object): Promise<void> {
  const path = `${sessionPath({ project: PROJECT, session })}/status`;
  await admin.ask("PUT", path, { ...(await resourceOf(session)), status });
}

it("serves a session from its making to its end, with the rights of the manifests", async () => {
  const served = await serve();
  const { runner, server } = served;
  const made = await as(server, editor, "POST", B, { stopOnRunFinished: true, displayName: "one" });
  expect(made.status, server.stderr()).toBe(201);
  const { name, uid } = (await made.json()) as { name: string; uid: string };
  await setStatus(name, { phase: "Running" });
  const secret = { "agui-token": Buffer.from("session-token").toString("base64") };
  await admin.ask("POST", corePath(PROJECT, "secrets", null), {
    metadata: { name: `ambient-runner-token-${name}` },
    data: secret,
  });

  const list = await as(server, editor, "GET", `${B}?search=ONE`);
  expect(await list.json()).toMatchObject({
    items: [{ metadata: { name, uid }, spec: { timeout: 300 }, status: { phase: "Running" } }],
    totalCount: 1,
  });
  const session = sessionOf(served, editor, name);
  const { sse } = await session.watch();
  runner.script((exchange) => tell(exchange, [startedEvent(), finishedEvent()]));
  await session.run();
  const [said, started] = (await sse.events(3)).map(({ data }) => JSON.parse(data) as object);
  expect(said).toMatchObject({ messages: [{ metadata: { senderId: "the-editor" } }] });
  expect(started).toMatchObject({ type: "RUN_STARTED" });
  expect(runner.requests.find(({ method }) => method === "POST")?.headers).toMatchObject({
    "x-caller-token": `Bearer ${editor.token}`,
    "x-ambient-session-token": "session-token",
    "x-current-user-id": "the-editor",
  });
  await waitFor(async () => {
    const { metadata, status } = await resourceOf(name);
    return (
      status.lastActivityTime !== undefined &&
      status.phase === "Running" &&
      metadata.annotations?.["ambient-code.io/desired-phase"] === "Stopped" &&
      metadata.annotations["ambient-code.io/stop-reason"] === "run-finished"
    );
  });
  expect(await (await session.get("")).json()).toMatchObject({ status: { agentStatus: "idle" } });
  expect(await (await session.get("/pod-events")).json()).toEqual({ events: [] });

  expect((await as(server, editor, "DELETE", `${B}/${name}`)).status).toBe(204);
  expect(await sse.event()).toBeNull();
  await expectProblem(await session.get("/export"), 404, "Session not found");
  expect((await server.fetch("/ready")).status).toBe(200);
  for (const secretText of [editor.token ?? "", "session-token"])
    expect(server.stderr() + server.stdout()).not.toContain(secretText);
});

it("answers 403 on every route to those who have no right, and 401 to unknown tokens", async () => {
  const { server } = await serve();
  await admin.makeSessions([{ project: PROJECT, session: "guarded" }]);
  const streams = STREAM_ROUTES.map(([method, path]) => ({
    method,
    path,
    below: `/v1/streams/${PROJECT}`,
  }));
  const sessions = SESSION_ROUTES.map(([method, path]) => ({ method, path, below: B }));
  for (const { method, path, below } of [...sessions, ...streams]) {
    const suffix = path
      .replace(/^\/$/, "")
      .replace(":sessionName", "guarded")
      .replace(":runId", "r")
      .replace(":taskId", "t");
    const body = method === "GET" || method === "DELETE" ? undefined : {};
    const refused = await as(server, stranger, method, `${below}${suffix}`, body);
    await expectProblem(refused, 403, /^Unauthorized( to access project)?$/);
    const unknown = { ...stranger, token: `${stranger.token}x` };
    const response = await as(server, unknown, method, `${below}${suffix}`, body);
    await expectProblem(response, 401, "Token expired or invalid");
  }
});

it("believes the names that a trusted proxy forwards, and nobody else's", async () => {
  await admin.makeSessions([{ project: PROJECT, session: "forwarded" }]);
  for (const [trusted, sender] of [
    ["127.0.0.0/8", "front-end-user"],
    ["192.0.2.1", "the-editor"],
  ] as const) {
    const served = await serve({ RUNLOG_TRUSTED_PROXIES: trusted });
    const session = sessionOf(served, editor, "forwarded");
    await session.run(runBody(sender), { "X-Forwarded-User": "front-end:user" });
    const said = (await session.lines()).find((line) => line.includes(`"m-${sender}"`));
    expect(JSON.parse(said ?? "{}")).toMatchObject({
      messages: [{ metadata: { senderId: sender } }],
    });
  }
});

it("ends a stream whose client's right was withdrawn, and lets the others go on", async () => {
  const served = await serve();
  await admin.makeSessions([{ project: PROJECT, session: "watched" }]);
  const withdraw = await admin.allow(PROJECT, viewer, ["get", "list"]);
  const [seen, kept] = [viewer, editor].map((who) => sessionOf(served, who, "watched"));
  const [ending, going] = await Promise.all([seen!.watch(), kept!.watch()]);
  await withdraw();
  expect(await ending.sse.event()).toBeNull();
  served.runner.script((exchange) => tell(exchange, [finishedEvent()]));
  await kept!.run();
  expect(await going.sse.events(2)).toHaveLength(2);
  await going.sse.cancel();
  await expectProblem(await seen!.get("/agui/events"), 403, /^Unauthorized/);
});

it("says of a run what became of its pod", async () => {
  const served = await serve();
  const key = { project: PROJECT, session: "podded" };
  await admin.makeSessions([key]);
  const pods = corePath(PROJECT, "pods", null);
  const pod = {
    metadata: { name: podName(key) },
    spec: { containers: [{ name: "r", image: "none" }] },
  };
  await admin.ask("POST", pods, pod);
  const status = async (text: object): Promise<void> => {
    const path = corePath(PROJECT, "pods", podName(key));
    await admin.ask("PUT", `${path}/status`, {
      ...(await admin.ask<object>("GET", path)),
      status: text,
    });
  };
  await status({ phase: "Running" });
  const session = sessionOf(served, editor, "podded");
  const exchange = await openRunner(harnessOf(served.server, served.runner), () => session.run());
  await exchange.write(`data: ${startedEvent()}\n\n`);
  const { sse } = await session.watch();
  await sse.events(2);
  const terminated = { exitCode: 137, reason: "OOMKilled" };
  const containerStatuses = [
    { name: "r", image: "none", imageID: "", ready: false, restartCount: 0, state: { terminated } },
  ];
  await exchange.breakOff();
  await status({ phase: "Failed", containerStatuses });
  const end = await sse.event();
  expect(JSON.parse(end?.data ?? "{}")).toMatchObject({
    type: "RUN_ERROR",
    code: "pod-oom-killed",
  });
  await sse.cancel();
});

it("gives a session that was made again under its name a new log", async () => {
  const served = await serve();
  const key = { project: PROJECT, session: "again" };
  await admin.makeSessions([key]);
  const session = sessionOf(served, editor, "again");
  served.runner.script((exchange) => tell(exchange, [finishedEvent()]));
  await session.run();
  await session.settled();
  await admin.ask("DELETE", sessionPath(key));
  await admin.makeSessions([key]);
  served.runner.script((exchange) => tell(exchange, [finishedEvent("new")]));
  await session.run(runBody("new"));
  expect((await session.settled("new")).join()).not.toContain('"m-r"');
});

it("goes on with what is open while there is no API server, and with everything when it is back", async () => {
  const served = await serve();
  const { server, runner } = served;
  await admin.makeSessions([{ project: PROJECT, session: "lasting" }]);
  const session = sessionOf(served, editor, "lasting");
  const exchange = await openRunner(harnessOf(server, runner), () => session.run());
  const { sse } = await session.watch();
  await sse.event();
  await api.kill();
  await waitFor(() => server.stderr().includes("stream-access-unknown"));
  await exchange.write(`data: ${startedEvent()}\n\n`);
  expect(JSON.parse((await sse.event())?.data ?? "{}")).toMatchObject({ type: "RUN_STARTED" });
  expect((await server.fetch("/health")).status).toBe(200);
  expect((await server.fetch("/ready")).status).toBe(503);
  const unknown = { ...stranger, token: `${stranger.token}y` };
  const refused = await as(server, unknown, "GET", B);
  await expectProblem(refused, 500, "Failed to perform access review");

  await api.restart();
  await waitFor(async () => (await server.fetch("/ready")).status === 200);
  await exchange.write(`data: ${finishedEvent()}\n\n`);
  await exchange.end();
  expect(JSON.parse((await sse.event())?.data ?? "{}")).toMatchObject({ type: "RUN_FINISHED" });
  await sse.cancel();
  expect((await as(server, editor, "GET", `${B}/lasting`)).status).toBe(200);
});
