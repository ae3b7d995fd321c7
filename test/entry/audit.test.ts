import { appendFile, mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { tokenDigest } from "../../src/core/model/token-list.ts";
import { runBody } from "../contract/session-routes/harness.ts";
import {
  freshDir,
  runCli,
  type ServerProcess,
  startCli,
  startServer,
} from "../support/server-process.ts";
import { waitFor } from "../support/wait-for.ts";

const BASE = "/api/projects/p1/agentic-sessions";
const SESSION = `${BASE}/s1`;

interface Entry {
  readonly action: string;
  readonly outcome: string;
  readonly [member: string]: unknown;
}

function parse(text: string): readonly Entry[] {
  return text
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Entry);
}

/** None while the file is not there. */
const entriesIn = async (path: string): Promise<readonly Entry[]> =>
  parse(await readFile(path, "utf8").catch(() => ""));

function shortly(entries: readonly Entry[]): readonly string[] {
  return entries.map(({ action, outcome, status }) => `${action} ${outcome} ${String(status)}`);
}

async function start(
  env: Readonly<Record<string, string>> = {},
): Promise<ServerProcess & { readonly path: string; readonly dir: string }> {
  const dir = await freshDir();
  const path = join(dir, "audit.jsonl");
  const server = await startServer({ cwd: dir, env: { RUNLOG_AUDIT: path, ...env } });
  return { ...server, path, dir };
}

async function run(
  server: ServerProcess,
  { headers: given = {} }: { readonly headers?: Record<string, string> } = {},
): Promise<void> {
  const headers = { "Content-Type": "application/json", ...given };
  const path = `${SESSION}/agui/run`;
  await server.fetch(path, { method: "POST", body: runBody("r1"), headers });
}

const remove = (server: ServerProcess, path: string = SESSION): Promise<Response> =>
  server.fetch(path, { method: "DELETE" });

describe("RUNLOG_AUDIT, a file", () => {
  it("has a line for who did what, and two for a deletion: before and after", async () => {
    const server = await start();
    const headers = { "X-Forwarded-User": "ann", "X-Forwarded-Preferred-Username": "Ann A." };
    await run(server, { headers });
    await server.fetch(`${SESSION}/export`, { headers });
    await server.fetch(`${BASE}/nobody/runs`);
    expect((await remove(server)).status).toBe(204);
    await waitFor(async () => (await entriesIn(server.path)).length === 5, { what: "5 lines" });
    const entries = await entriesIn(server.path);
    expect(shortly(entries)).toEqual([
      "run done 200",
      "export done 200",
      "read failed 404",
      "delete begun null",
      "delete done 204",
    ]);
    expect(entries[0]).toEqual({
      time: expect.stringMatching(/^\d{4}-.*Z$/),
      action: "run",
      project: "p1",
      session: "s1",
      caller: "ann",
      user: "Ann A.",
      peer: "127.0.0.1",
      outcome: "done",
      status: 200,
      request: expect.stringMatching(/^[0-9a-f-]{36}$/),
      auth: "none",
      verified: false,
    });
    expect(entries[3]?.["request"]).toBe(entries[4]?.["request"]);
    expect(new Set(entries.map(({ request }) => request)).size).toBe(4);
  });

  it("has the requests of CopilotKit's pages and of Durable Streams, once each", async () => {
    const server = await start();
    const stream = "/v1/streams/p1/s2";
    await server.fetch(stream, { method: "PUT", headers: { "Content-Type": "application/json" } });
    await server.fetch(stream);
    await remove(server, stream);
    await server.fetch("/api/copilotkit/threads");
    await remove(server, "/api/copilotkit/threads/t1");
    const wanted = ["create", "read", "delete", "delete", "list", "delete", "delete"];
    await waitFor(async () => (await entriesIn(server.path)).length >= wanted.length, {
      what: "all lines",
    });
    const entries = await entriesIn(server.path);
    expect(entries.map(({ action }) => action)).toEqual(wanted);
    expect(entries.at(-1)).toMatchObject({ project: "default", session: "t1" });
  });

  it("has who was refused, and never a token", async () => {
    const token = "rl_a-token-of-nobody-in-particular";
    const list = join(await freshDir(), "tokens");
    await writeFile(list, `bob ${await tokenDigest(token)} read p1\n`);
    const server = await start({ RUNLOG_AUTH: "token", RUNLOG_TOKENS_FILE: list });
    const headers = { Authorization: `Bearer ${token}` };
    await server.fetch(SESSION);
    await server.fetch(SESSION, { method: "DELETE", headers });
    await server.fetch(BASE, { headers });
    await waitFor(async () => (await entriesIn(server.path)).length === 3, { what: "3 lines" });
    const entries = await entriesIn(server.path);
    expect(shortly(entries)).toEqual(["read refused 401", "delete refused 403", "list done 200"]);
    expect(entries[1]).toMatchObject({ caller: "bob", auth: "token", verified: true });
    expect(await readFile(server.path, "utf8")).not.toContain(token);
  });

  it("is made anew when it was moved away, and no line is lost", async () => {
    const server = await start();
    for (let moved = 0; moved < 3; moved++) {
      await server.fetch(BASE);
      await waitFor(async () => (await entriesIn(server.path)).length === 1, { what: "a line" });
      await rename(server.path, `${server.path}.${moved}`);
    }
    await server.fetch(SESSION);
    await waitFor(async () => (await entriesIn(server.path)).length === 1, { what: "a new file" });
    for (let moved = 0; moved < 3; moved++)
      expect(shortly(await entriesIn(`${server.path}.${moved}`))).toEqual(["list done 200"]);
    expect(shortly(await entriesIn(server.path))).toEqual(["read failed 404"]);
  });

  it("that cannot be written refuses deletions until it can be, and has what came meanwhile", async () => {
    const server = await start();
    await run(server);
    await waitFor(async () => (await entriesIn(server.path)).length === 1, { what: "the run" });
    await rm(server.path);
    await mkdir(server.path);
    const refused = await remove(server);
    expect(refused.status).toBe(503);
    expect(refused.headers.get("Retry-After")).toBe("30");
    expect(await refused.json()).toMatchObject({
      type: "/problems/audit-not-writable",
      detail: "The audit log cannot be written, and without it nothing is deleted",
    });
    expect((await server.fetch(`${SESSION}/agui/messages`)).status).toBe(200);
    expect(server.stderr()).toContain('"event":"audit-not-writable"');
    await rm(server.path, { recursive: true });
    await waitFor(async () => (await remove(server)).status === 204, { what: "the deletion" });
    await waitFor(async () => (await entriesIn(server.path)).at(-1)?.["status"] === 204, {
      what: "the last line",
    });
    const said = shortly(await entriesIn(server.path)).filter((text) => !text.includes("begun"));
    expect(said.slice(0, 2)).toEqual(["delete failed 503", "read done 200"]);
  });

  it("is appended to, its lines written before a stop has ended", async () => {
    const server = await start();
    await appendFile(server.path, "earlier\n");
    await Promise.all(Array.from({ length: 50 }, () => server.fetch(BASE)));
    server.kill("SIGTERM");
    expect(await server.exited).toEqual({ code: 0, signal: null });
    const [first, ...lines] = (await readFile(server.path, "utf8")).trimEnd().split("\n");
    expect(first).toBe("earlier");
    expect(lines).toHaveLength(50);
  });

  it("that cannot be opened ends the start", async () => {
    const cwd = await freshDir();
    const env = { RUNLOG_AUDIT: join(cwd, "missing", "audit.jsonl") };
    const { code, stderr } = await runCli({ cwd, env });
    expect(code).toBe(2);
    expect(stderr).toMatch(/^runlog: RUNLOG_AUDIT cannot be written: ENOENT.*audit\.jsonl'\n$/);
  });
});

it("RUNLOG_AUDIT=stdout has standard output for itself", async () => {
  const cli = startCli({ cwd: await freshDir(), env: { RUNLOG_AUDIT: "stdout" } });
  const url = await waitFor(() => /"url":"([^"]+)"/.exec(cli.stderr())?.[1] ?? null, {
    what: "the start",
  });
  expect((await fetch(`${url}${BASE}`)).status).toBe(200);
  await fetch(`${url}${SESSION}`, { method: "DELETE" });
  await waitFor(() => parse(cli.stdout()).length === 3, { what: "3 lines" });
  expect(shortly(parse(cli.stdout()))).toEqual([
    "list done 200",
    "delete begun null",
    "delete failed 404",
  ]);
});
