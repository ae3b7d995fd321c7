import { stat } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { tokenDigest } from "../../src/core/model/token-list.ts";
import { createSessionClient, type RemoteSession } from "../../src/client/index.ts";
import { SseReader } from "../contract/read-sse.ts";
import { expectProblem } from "../contract/session-routes/harness.ts";
import { freshDir, type ServerProcess, startServer } from "../support/server-process.ts";

const SESSIONS = "/api/projects/demo/agentic-sessions";
const EVENTS = `${SESSIONS}/s1/agui/events`;

async function serve(env: Record<string, string>): Promise<ServerProcess> {
  const tokens = `ann ${await tokenDigest("rl_ann")} write *`;
  return startServer({ env: { RUNLOG_AUTH: "token", RUNLOG_TOKENS: tokens, ...env } });
}

/** The session `s1` of a server, with something in it. */
async function sessionAt(server: ServerProcess): Promise<RemoteSession> {
  const session = createSessionClient({
    url: `${server.url}${SESSIONS}`,
    headers: { Authorization: "Bearer rl_ann" },
  }).session("s1");
  await session.run({ messages: [{ role: "user", content: "hi" }] });
  return session;
}

async function expectOpen(server: ServerProcess, ticket: string): Promise<void> {
  const opened = await server.fetch(`${EVENTS}?ticket=${ticket}`);
  expect(opened.status).toBe(200);
  const sse = new SseReader(opened.body!);
  await sse.events(1);
  await sse.cancel();
}

describe("a ticket", () => {
  it("outlives its server, whose secret lies in a file that is its owner's", async () => {
    const dir = await freshDir();
    const first = await serve({ STORAGE_URL: `file:${dir}` });
    const { ticket } = await (await sessionAt(first)).ticket();
    await expectOpen(first, ticket);
    first.kill();
    await first.exited;
    const file = await stat(join(dir, "secrets", "tickets"));
    expect([file.size, file.mode & 0o777]).toEqual([32, 0o600]);
    await expectOpen(await serve({ STORAGE_URL: `file:${dir}` }), ticket);
  });

  it("counts on each server with the same key, and on no other", async () => {
    const RUNLOG_TICKET_KEY = "0123456789abcdef0123456789abcdef";
    const shared = { STORAGE_URL: "memory:", RUNLOG_TICKET_KEY };
    const [one, two, other] = [
      await serve(shared),
      await serve(shared),
      await serve({ STORAGE_URL: "memory:" }),
    ];
    const { ticket } = await (await sessionAt(one)).ticket();
    for (const server of [two, other]) await sessionAt(server);
    await expectOpen(two, ticket);
    await expectProblem(
      await other.fetch(`${EVENTS}?ticket=${ticket}`),
      401,
      "The ticket is not valid; ask for another one",
    );
  });

  it("is to be had without authentication as well, so that pages need not know", async () => {
    const server = await startServer({ env: { STORAGE_URL: "memory:" } });
    await expectOpen(server, (await (await sessionAt(server)).ticket()).ticket);
    await expectProblem(await server.fetch(`${EVENTS}?ticket=x`), 401, /^The ticket is not valid/);
  });
});
