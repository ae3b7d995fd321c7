import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { expect, it, onTestFinished } from "vitest";
import { createRunlog } from "../../src/entry/embed.ts";
import { runBody } from "../contract/session-routes/harness.ts";
import { freshDir, runCli, type ServerProcess, startServer } from "../support/server-process.ts";
import { waitFor } from "../support/wait-for.ts";

const BASE = "/api/projects/secret-project/agentic-sessions";
const SESSION = `${BASE}/secret-session`;
const ROUTE = "/api/projects/:projectName/agentic-sessions/:sessionName";

interface Line {
  readonly level: string;
  readonly event: string;
  readonly [fact: string]: unknown;
}

/** What a server has logged; throws for a line that is no JSON. */
function linesOf(server: Pick<ServerProcess, "stderr">): readonly Line[] {
  const whole = server.stderr().split("\n").slice(0, -1);
  return whole.map((line) => JSON.parse(line) as Line);
}

async function requests(server: ServerProcess, count: number): Promise<readonly Line[]> {
  const find = () => linesOf(server).filter(({ event }) => event === "request");
  await waitFor(() => find().length >= count, { what: `${count} lines of requests` });
  return find();
}

async function start(env: Readonly<Record<string, string>> = {}): Promise<ServerProcess> {
  return startServer({ cwd: await freshDir(), env });
}

function run(server: ServerProcess, headers: Record<string, string> = {}): Promise<Response> {
  return server.fetch(`${SESSION}/agui/run`, {
    method: "POST",
    headers: { "Content-Type": "application/json", ...headers },
    body: runBody("r1"),
  });
}

it("a server logs what it started with, and each request by the pattern of its route", async () => {
  const server = await start();
  await run(server, { "X-Forwarded-User": "ann" });
  const page = await server.fetch(`${SESSION}/agui/events/page?limit=3&token=hidden`);
  const bytes = (await page.arrayBuffer()).byteLength;
  await server.fetch("/nowhere/secret-path");
  const [started] = linesOf(server);
  expect(started).toMatchObject({ level: "info", event: "started", url: server.url, auth: "none" });
  const [posted, read, missed] = await requests(server, 3);
  expect(posted).toMatchObject({
    level: "info",
    method: "POST",
    route: `${ROUTE}/agui/run`,
    status: 200,
    caller: "ann",
    ms: expect.any(Number),
  });
  expect(read).toMatchObject({ route: `${ROUTE}/agui/events/page`, bytes, caller: null });
  expect(missed).toMatchObject({ method: "GET", route: null, status: 404 });
  const logged = JSON.stringify([posted, read, missed]);
  expect(logged).not.toMatch(/secret|hidden|limit=/);
});

it("a request that a guard refuses has the pattern of its route as well", async () => {
  const server = await start();
  await server.fetch(`${BASE}/${encodeURIComponent("no name")}`);
  await server.fetch(SESSION, { method: "POST" });
  const [invalid, method] = await requests(server, 2);
  expect(invalid).toMatchObject({ route: ROUTE, status: 400 });
  expect(method).toMatchObject({ route: ROUTE, status: 405 });
});

it("a stream is logged at its end, and as cut where its client has gone", async () => {
  const server = await start();
  await run(server);
  const leaving = new AbortController();
  const stream = await server.fetch(`${SESSION}/agui/events`, { signal: leaving.signal });
  await stream.body?.getReader().read();
  expect((await requests(server, 1)).map(({ route }) => route)).toEqual([`${ROUTE}/agui/run`]);
  leaving.abort();
  const [, watched] = await requests(server, 2);
  expect(watched).toMatchObject({ route: `${ROUTE}/agui/events`, status: 200, cut: true });
  expect(watched?.["bytes"]).toBeGreaterThan(0);
});

it("what is no request is logged with its status", async () => {
  const server = await start();
  const socket = connect(Number(new URL(server.url).port), "127.0.0.1");
  onTestFinished(() => void socket.destroy());
  socket.write("no HTTP at all\r\n\r\n");
  expect(await text(socket)).toContain("400 Bad Request");
  expect((await requests(server, 1))[0]).toMatchObject({ method: null, route: null, status: 400 });
});

it("a request of CopilotKit's pages is one line, with the caller whom the routes within have found", async () => {
  const server = await start();
  await server.fetch("/api/copilotkit/threads", { headers: { "X-Forwarded-User": "bob" } });
  await run(server);
  const lines = await requests(server, 2);
  expect(lines.map(({ route, caller }) => [route, caller])).toEqual([
    ["/api/copilotkit/threads", "bob"],
    [`${ROUTE}/agui/run`, null],
  ]);
});

it("RUNLOG_LOG_LEVEL says what is logged: probes as debug, no requests as warn", async () => {
  const [debug, warn] = await Promise.all(
    ["debug", "warn"].map((level) => start({ RUNLOG_LOG_LEVEL: level })),
  );
  if (!debug || !warn) throw new Error("no servers");
  for (const server of [debug, warn]) await server.fetch("/health");
  expect(await requests(debug, 1)).toMatchObject([{ level: "debug", route: "/health" }]);
  warn.kill("SIGTERM");
  expect(await warn.exited).toEqual({ code: 0, signal: null });
  expect(warn.stderr()).toBe("");
  const { code, stderr } = await runCli({ env: { RUNLOG_LOG_LEVEL: "loud" } });
  expect({ code, stderr }).toEqual({
    code: 2,
    stderr: 'runlog: RUNLOG_LOG_LEVEL must be debug, info, warn or error, not "loud"\n',
  });
});

it("createRunlog logs to a function", async () => {
  const logged: unknown[] = [];
  const runlog = await createRunlog({
    storage: "memory:",
    runner: async function* () {
      yield* [];
      throw new Error("no agent");
    },
    logger: (level, event) => logged.push([level, event]),
  });
  onTestFinished(() => runlog.close());
  await runlog.client.session("s1").run({ messages: [{ role: "user", content: "Hi" }] });
  await waitFor(() => JSON.stringify(logged).includes("agent-failed"), { what: "a line" });
  expect(logged).toContainEqual(["warn", "agent-failed"]);
});
