import { expect, it, onTestFinished } from "vitest";
import { createMemoryLogStore } from "../../adapters/memory/index.ts";
import { AGENT_ROUTES } from "../../src/http/agent-routes.ts";
import { SESSION_ROUTES } from "../../src/http/session-routes.ts";
import { STREAM_ROUTES } from "../../src/http/stream-routes.ts";
import { createRecordingAudit } from "../support/recording-audit.ts";
import { createTestServer } from "../support/test-server.ts";

const TABLES = [
  ["/api/projects/p1/agentic-sessions", SESSION_ROUTES],
  ["/v1/streams/p1", STREAM_ROUTES],
  ["/api/projects/p1/agents", AGENT_ROUTES],
] as const;

const NAMES: Readonly<Record<string, string>> = {
  sessionName: "s1",
  agentName: "default",
  cursor: "c1",
  taskId: "t1",
  runId: "r1",
};

/** Every route there is, with what it is recorded as. */
const ROUTES = TABLES.flatMap(([base, table]) =>
  table.map(([method, path, , , action]) => ({
    method,
    action,
    pattern: path,
    path: `${base}${path === "/" ? "" : path}`.replace(
      /:(\w+)/g,
      (_, name: string) => NAMES[name] ?? "",
    ),
  })),
);

it.each(ROUTES)(
  "$method $path is recorded as $action, once",
  async ({ method, path, action, pattern }) => {
    const audit = createRecordingAudit();
    const server = await createTestServer({
      store: createMemoryLogStore(),
      routes: { audit, peerOf: () => "10.0.0.1" },
    });
    onTestFinished(() => server.dispose());
    const hasBody = method !== "GET" && method !== "DELETE";
    const response = await server.fetch(path, {
      method,
      headers: {
        "X-Forwarded-User": "ann",
        ...(hasBody && { "Content-Type": "application/json" }),
      },
      ...(hasBody && { body: "{}" }),
    });
    await response.body?.cancel();
    const session = pattern.includes(":sessionName") ? "s1" : null;
    const about = { action, project: "p1", session, caller: "ann", peer: "10.0.0.1" };
    const { status } = response;
    const outcome = status < 400 ? "done" : "failed";
    expect(audit.entries).toMatchObject([
      ...(action === "delete" ? [{ ...about, outcome: "begun", status: null }] : []),
      { ...about, outcome, status },
    ]);
  },
);

it("what a guard refuses is recorded with what is known by then", async () => {
  const audit = createRecordingAudit();
  const server = await createTestServer({ store: createMemoryLogStore(), routes: { audit } });
  onTestFinished(() => server.dispose());
  const name = `${"x".repeat(200)}!`;
  await server.fetch(`/api/projects/p1/agentic-sessions/${encodeURIComponent(name)}`);
  expect(audit.entries).toMatchObject([
    { action: "read", session: "x".repeat(128), caller: null, outcome: "failed", status: 400 },
  ]);
});
