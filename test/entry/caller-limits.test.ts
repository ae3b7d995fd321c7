import { describe, expect, it, onTestFinished } from "vitest";
import { createMemoryLogStore } from "../../adapters/memory/index.ts";
import { tokenDigest } from "../../src/core/model/token-list.ts";
import { SseReader } from "../contract/read-sse.ts";
import { expectProblem, runBody } from "../contract/session-routes/harness.ts";
import { type ServerProcess, startServer } from "../support/server-process.ts";
import { createTestServer } from "../support/test-server.ts";
import { waitFor } from "../support/wait-for.ts";

const SESSIONS = "/api/projects/default/agentic-sessions";
const bearer = (name: string): Record<string, string> => ({ Authorization: `Bearer rl_${name}` });
const JSON_TYPE = { "Content-Type": "application/json" };

/** A server with tokens of ann and bob. */
async function serve(env: Record<string, string>): Promise<ServerProcess> {
  const lines = ["ann", "bob"].map(
    async (name) => `${name} ${await tokenDigest(`rl_${name}`)} admin *`,
  );
  const tokens = (await Promise.all(lines)).join("\n");
  return startServer({
    env: { RUNLOG_AUTH: "token", RUNLOG_TOKENS: tokens, STORAGE_URL: "memory:", ...env },
  });
}

/** Expects a refusal that says when to come again, in s. */
async function expectLimited(answer: Response, text: RegExp, mostS: number): Promise<void> {
  const retryAfter = Number(answer.headers.get("Retry-After"));
  await expectProblem(answer, 429, text);
  expect(retryAfter).toBeGreaterThanOrEqual(1);
  expect(retryAfter).toBeLessThanOrEqual(mostS);
}

describe("what a caller may ask for", () => {
  it("is as many requests a minute as are set, for each by themselves", async () => {
    const server = await serve({ RUNLOG_CALLER_REQUESTS: "5" });
    const ask = (name: string): Promise<Response> =>
      server.fetch(SESSIONS, { headers: bearer(name) });
    for (let i = 0; i < 5; i++) expect((await ask("ann")).status).toBe(200);
    await expectLimited(await ask("ann"), /^Too many requests, at most 5 a minute$/, 12);
    expect((await ask("bob")).status).toBe(200);
    expect((await ask("eve")).status).toBe(401);
    expect((await server.fetch("/health", { headers: bearer("ann") })).status).toBe(200);
  });

  it("is as many open streams as are set, of any kind, and no run starts for one more", async () => {
    const server = await serve({ RUNLOG_CALLER_STREAMS: "2" });
    const post = (suffix: string, body: string, more: Record<string, string> = {}) =>
      server.fetch(`${SESSIONS}/s1/agui/${suffix}`, {
        method: "POST",
        body,
        headers: { ...JSON_TYPE, ...bearer("ann"), ...more },
      });
    const events = (name: string): Promise<Response> =>
      server.fetch(`${SESSIONS}/s1/agui/events`, { headers: bearer(name) });
    expect((await post("run", runBody("r1"))).status).toBe(200);
    const first = await events("ann");
    expect(first.status).toBe(200);
    const second = await post("connect", "{}");
    expect(second.status).toBe(200);
    const refusals = [
      await events("ann"),
      await post("connect", "{}"),
      await post("run", runBody("r2"), { Accept: "text/event-stream" }),
      await server.fetch(`/v1/streams/default/s1?offset=-1&live=sse`, { headers: bearer("ann") }),
    ];
    for (const refusal of refusals) await expectLimited(refusal, /^Too many streams are open/, 5);
    const bobs = await events("bob");
    expect(bobs.status).toBe(200);
    await bobs.body?.cancel();
    const runs = await server.fetch(`${SESSIONS}/s1/runs`, { headers: bearer("ann") });
    expect(await runs.text()).not.toContain('"r2"');
    await new SseReader(first.body!).cancel();
    await waitFor(
      async () => {
        const again = await events("ann");
        await again.body?.cancel();
        return again.status === 200;
      },
      { what: "room for another stream" },
    );
    await second.body?.cancel();
  });

  it("is as many runs an hour as are set, by whatever route, while reading goes on", async () => {
    const server = await serve({ RUNLOG_CALLER_RUNS: "2", RUNLOG_CALLER_REQUESTS: "1000" });
    const run = (path: string, name = "ann"): Promise<Response> =>
      server.fetch(path, {
        method: "POST",
        headers: { ...JSON_TYPE, ...bearer(name) },
        body: JSON.stringify({
          ...(JSON.parse(runBody(crypto.randomUUID())) as object),
          threadId: "s2",
        }),
      });
    expect((await run(`${SESSIONS}/s1/agui/run`)).status).toBe(200);
    expect((await run("/api/copilotkit/agent/default/run")).status).toBe(200);
    for (const path of [
      `${SESSIONS}/s3/agui/run`,
      `${SESSIONS}/s1/agui/suggest`,
      "/api/copilotkit/agent/default/run",
    ])
      await expectLimited(await run(path), /^Too many runs, at most 2 an hour$/, 1_800);
    expect((await run(`${SESSIONS}/s3/agui/run`, "bob")).status).toBe(200);
    expect((await server.fetch(`${SESSIONS}/s1/runs`, { headers: bearer("ann") })).status).toBe(
      200,
    );
  });

  it("is counted by address where nobody is asked who they are, and once on the way through servers", async () => {
    const server = await createTestServer({
      store: createMemoryLogStore(),
      limits: { callerRequests: 3 },
      routes: {
        peerKey: "secret-of-this-server",
        peerOf: (c) => c.req.header("X-Test-Peer") ?? null,
      },
    });
    onTestFinished(() => server.dispose());
    const statuses = async (headers: Record<string, string>): Promise<number[]> => {
      const seen: number[] = [];
      for (let i = 0; i < 5; i++)
        seen.push((await server.fetch("/api/projects/p1/agentic-sessions", { headers })).status);
      return seen;
    };
    // names that nobody vouches for make no other caller
    const named = { "X-Test-Peer": "10.0.0.1", "X-Forwarded-User": "ann" };
    expect(await statuses(named)).toEqual([200, 200, 200, 429, 429]);
    expect(await statuses({ ...named, "X-Forwarded-User": "bob" })).toEqual(Array(5).fill(429));
    expect(await statuses({ "X-Test-Peer": "10.0.0.2" })).toEqual([200, 200, 200, 429, 429]);
    // who counted it shows the key
    const passed = { "X-Runlog-Forwarded": "secret-of-this-server 10.0.0.2" };
    expect(await statuses(passed)).toEqual(Array(5).fill(200));
    const forged = { "X-Test-Peer": "10.0.0.3", "X-Runlog-Forwarded": "guess 10.0.0.4" };
    expect(await statuses(forged)).toEqual([200, 200, 200, 429, 429]);
  });
});
