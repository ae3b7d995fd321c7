import { describe, expect, it } from "vitest";
import { AGENT_ROUTES } from "../../src/http/agent-routes.ts";
import { SESSION_ROUTES } from "../../src/http/session-routes.ts";
import { STREAM_ROUTES } from "../../src/http/stream-routes.ts";
import { SseReader } from "../contract/read-sse.ts";
import { expectProblem } from "../contract/session-routes/harness.ts";
import { ACCESS_MODES, type AccessServer } from "../support/access-modes.ts";
import { waitFor } from "../support/wait-for.ts";

const SESSIONS = "/api/projects/:projectName/agentic-sessions";

/** Every route there is below a project; what deletes comes last. */
const ROUTES = [
  ...SESSION_ROUTES.map(([method, path]) => ({ method, path: `${SESSIONS}${path}` })),
  ...STREAM_ROUTES.map(([method, path]) => ({ method, path: `/v1/streams/:projectName${path}` })),
  ...AGENT_ROUTES.map(([method, path]) => ({
    method,
    path: `/api/projects/:projectName/agents${path}`,
  })),
].sort((one, other) => Number(one.method === "DELETE") - Number(other.method === "DELETE"));

/** What CopilotKit's pages ask for, by the sessions that it is made of. */
const COPILOTKIT = [
  { method: "GET", path: "/info" },
  { method: "GET", path: "/threads" },
  { method: "GET", path: "/threads/s1/messages" },
  { method: "GET", path: "/threads/s1/events" },
  { method: "GET", path: "/threads/s1/state" },
  { method: "PATCH", path: "/threads/s1" },
  { method: "DELETE", path: "/threads/s1" },
  { method: "POST", path: "/threads/s1/archive" },
  { method: "POST", path: "/agent/default/run" },
  { method: "POST", path: "/agent/default/connect" },
  { method: "POST", path: "/agent/default/suggest" },
].map(({ method, path }) => ({ method, path: `/api/copilotkit${path}` }));

type Headers = Readonly<Record<string, string>>;

/** The status with which a route answers, whatever it would stream. */
async function statusOf(
  server: AccessServer,
  { method, path }: { readonly method: string; readonly path: string },
  headers: Headers,
  at = "",
): Promise<number> {
  const url = path
    .replace(/\/$/, "")
    .replace(":projectName", server.project)
    // a stream that is there is only looked at by PUT
    .replace(":sessionName", method === "PUT" && path.startsWith("/v1/") ? "s3" : "s1")
    .replaceAll(/:(\w)\w*/g, "$1");
  const hasBody = method !== "GET" && method !== "DELETE";
  const answer = await server.fetch(url, {
    method,
    ...(hasBody && { body: bodyFor(method, path, at) }),
    headers: { ...(hasBody && { "Content-Type": "application/json" }), ...headers },
  });
  await answer.body?.cancel();
  return answer.status;
}

/** A body with which nobody finds fault before the one who decides about access has been asked. */
function bodyFor(method: string, path: string, at: string): string {
  if (path.includes("copilotkit")) return '{"threadId":"s1"}';
  if (path.startsWith("/v1/streams")) return "[]";
  if (method === "PATCH") return '{"metadata":{"annotations":{"a":"1"}}}';
  return JSON.stringify({ displayName: "name", at });
}

/** The right that a route wants: a reader posts nothing, but to be told what there is. */
function rightFor({ method, path }: { readonly method: string; readonly path: string }): number {
  if (method === "DELETE") return 2;
  return method === "GET" || /\/(?:connect|ticket)$/.test(path) ? 0 : 1;
}

const sessionOf = ({ project }: AccessServer): string =>
  `/api/projects/${project}/agentic-sessions/s1`;

/** Has the session say something, so that its stream has a first event. */
async function speak(server: AccessServer): Promise<void> {
  const posted = await server.fetch(`${sessionOf(server)}/agui/run`, {
    method: "POST",
    headers: { ...server.credentials.write, "Content-Type": "application/json" },
    body: JSON.stringify({ messages: [{ id: "m", role: "user", content: "hi" }] }),
  });
  expect(posted.status, await posted.text()).toBe(200);
}

async function ticketOf(server: AccessServer, headers: Headers): Promise<string> {
  const made = await server.fetch(`${sessionOf(server)}/agui/ticket`, { method: "POST", headers });
  expect(made.status).toBe(200);
  const { ticket, expiresAt } = (await made.json()) as Record<string, string>;
  expect(Date.parse(expiresAt ?? "")).toBeGreaterThan(0);
  return ticket ?? "";
}

describe.each(ACCESS_MODES)("access in mode $name", (mode) => {
  it("lets nobody in by what is no token, on any route", async () => {
    const server = await mode.start();
    for (const route of [...ROUTES, ...(server.hasCopilotKit ? COPILOTKIT : [])]) {
      const given = { none: {}, ...server.invalid };
      const seen = Object.entries(given).map(async ([what, headers]) => {
        const status = await statusOf(server, route, headers);
        expect(status, `${JSON.stringify(route)} ${what}`).toBe(401);
      });
      await Promise.all(seen);
    }
  });

  it("allows each route to whom it is meant for, and to nobody of another project", async () => {
    const server = await mode.start();
    const { credentials } = server;
    await speak(server);
    // what there is to be forked
    const page = await server.fetch(`${sessionOf(server)}/agui/events/page`, {
      headers: credentials.read,
    });
    const { end } = (await page.json()) as { readonly end: string };
    for (const route of ROUTES) {
      const name = `${route.method} ${route.path}`;
      expect(await statusOf(server, route, credentials.other), name).toBe(403);
      for (const [right, who] of (["read", "write", "admin"] as const).entries()) {
        const status = await statusOf(server, route, credentials[who], end);
        expect(status === 403, `${name} by ${who}: ${status}`).toBe(right < rightFor(route));
        expect(status, name).not.toBe(401);
      }
    }
  });

  it("ends the streams of whose access is taken away, by token and by ticket", async () => {
    const server = await mode.start();
    const { read } = server.credentials;
    await speak(server);
    const ticket = await ticketOf(server, read);
    const events = `${sessionOf(server)}/agui/events`;
    const streams = [
      await server.fetch(events, { headers: read }),
      await server.fetch(`${events}?ticket=${ticket}`),
    ].map(({ body }) => new SseReader(body!));
    for (const stream of streams) await stream.events(1);
    await server.revoke();
    await Promise.all(streams.map((stream) => stream.rest()));
    const refused = await server.fetch(`${events}?ticket=${ticket}`);
    expect(refused.status).toBe(401);
    expect(server.logged()).not.toContain(ticket);
  });

  it("takes a ticket for the event stream of its session, and for nothing else", async () => {
    const server = await mode.start();
    await speak(server);
    const ticket = await ticketOf(server, server.credentials.read);
    const opened = await server.fetch(`${sessionOf(server)}/agui/events?ticket=${ticket}`);
    expect(opened.status).toBe(200);
    await new SseReader(opened.body!).events(1);
    for (const route of ROUTES) {
      if (route.path === `${SESSIONS}/:sessionName/agui/events`) continue;
      const path = `${route.path.replace(/\/$/, "")}?ticket=${ticket}`;
      expect(await statusOf(server, { ...route, path }, {}), path).toBe(401);
    }
    const other = sessionOf(server).replace(/s1$/, "s2");
    await expectProblem(
      await server.fetch(`${other}/agui/events?ticket=${ticket}`),
      403,
      "The ticket is for another session",
    );
    const at = ticket.length >> 1;
    const changed = `${ticket.slice(0, at)}${ticket[at] === "A" ? "B" : "A"}${ticket.slice(at + 1)}`;
    for (const text of ["", "x", "rlt_", "rlt_AAAA", changed, ticket.slice(0, -4), `${ticket}AAAA`])
      await expectProblem(
        await server.fetch(`${sessionOf(server)}/agui/events?ticket=${text}`),
        401,
        "The ticket is not valid; ask for another one",
      );
  });

  it("takes a late ticket only of who was there before", async () => {
    const server = await mode.start({ RUNLOG_TICKET: "1s" });
    await speak(server);
    const events = `${sessionOf(server)}/agui/events`;
    const ticket = await ticketOf(server, server.credentials.read);
    const opened = new SseReader((await server.fetch(`${events}?ticket=${ticket}`)).body!);
    const [first] = await opened.events(1);
    const open = (lastEventId?: string): Promise<Response> =>
      server.fetch(`${events}?ticket=${ticket}`, {
        headers: lastEventId === undefined ? {} : { "Last-Event-ID": lastEventId },
      });
    const isLate = async (): Promise<boolean> => {
      const answer = await open();
      await answer.body?.cancel();
      return answer.status === 401;
    };
    await waitFor(isLate, { what: "the ticket to be late" });
    await expectProblem(await open(), 401, "The ticket has expired; ask for another one");
    for (const foreign of ["x", `${"a".repeat(16)}-r0`])
      expect((await open(foreign)).status).toBe(401);
    const again = await open(first?.id);
    expect(again.status).toBe(200);
    expect(again.headers.get("X-Runlog-Replay")).toBeNull();
    await new SseReader(again.body!).events(1);
  });
});
