import { appendFile, mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { SseReader } from "../contract/read-sse.ts";
import { expectProblem, runBody } from "../contract/session-routes/harness.ts";
import { blocksOf, replaced } from "../support/page-blocks.ts";
import {
  freshDir,
  runCli,
  type ServerProcess,
  startCli,
  startServer,
} from "../support/server-process.ts";
import { waitFor } from "../support/wait-for.ts";

const SESSIONS = "/api/projects/demo/agentic-sessions";

/** A directory with a list of tokens, and what makes more of them. */
async function freshTokens() {
  const dir = await freshDir();
  const file = join(dir, "tokens");
  const env = { RUNLOG_TOKENS_FILE: file };
  const command = (...args: string[]) => runCli({ env, args: ["token", ...args] });
  return {
    file,
    command,
    async add(name: string, ...options: string[]): Promise<string> {
      const { code, stdout } = await command("add", name, ...options);
      expect(code).toBe(0);
      return stdout.trim();
    },
    serve: (more: Record<string, string> = {}): Promise<ServerProcess> =>
      startServer({
        env: { ...env, ...more, RUNLOG_AUTH: "token", STORAGE_URL: `file:${join(dir, "data")}` },
      }),
  };
}

const bearer = (token: string): Record<string, string> => ({ Authorization: `Bearer ${token}` });

describe("a server that asks for tokens", () => {
  it("says of a token in the URL where it belongs", async () => {
    const tokens = await freshTokens();
    const token = await tokens.add("ann");
    const server = await tokens.serve();
    for (const name of ["token", "access_token"])
      await expectProblem(
        await server.fetch(`${SESSIONS}/s1/agui/events?${name}=${token}`),
        401,
        /^A token in the URL does not count: .*ticket/,
      );
    await expectProblem(await server.fetch(SESSIONS), 401, "Authentication required");
    expect((await server.fetch("/health")).status).toBe(200);
    expect(server.stderr()).not.toContain(token);
  });

  it("lets in who is added and refuses who is revoked while it runs, and ends their streams", async () => {
    const tokens = await freshTokens();
    const first = await tokens.add("first");
    const server = await tokens.serve({ RUNLOG_REAUTH: "1s" });
    const posted = await server.fetch(`${SESSIONS}/s1/agui/run`, {
      method: "POST",
      headers: { ...bearer(first), "Content-Type": "application/json" },
      body: JSON.stringify({ messages: [{ id: "m", role: "user", content: "hi" }] }),
    });
    expect(posted.status).toBe(200);
    const open = await server.fetch(`${SESSIONS}/s1/agui/events`, { headers: bearer(first) });
    const sse = new SseReader(open.body!);
    await sse.events(1);
    const second = await tokens.add("second", "--right", "read");
    const statusOf = async (token: string): Promise<number> =>
      (await server.fetch(SESSIONS, { headers: bearer(token) })).status;
    await waitFor(async () => (await statusOf(second)) === 200, { what: "the token to be known" });
    expect((await tokens.command("revoke", "first")).code).toBe(0);
    await waitFor(async () => (await statusOf(first)) === 401, { what: "the token to be refused" });
    await sse.rest();
    expect(await statusOf(second)).toBe(200);
  });

  it("keeps the list that it has when the file becomes unfit, and says so once", async () => {
    const tokens = await freshTokens();
    const token = await tokens.add("ann");
    const server = await tokens.serve();
    await appendFile(tokens.file, "bob nonsense\n");
    const statusOf = async (): Promise<number> =>
      (await server.fetch(SESSIONS, { headers: bearer(token) })).status;
    await waitFor(async () => (await statusOf(), server.stderr().includes("tokens-not-read")), {
      what: "a word about the file",
    });
    expect(await statusOf()).toBe(200);
    expect(server.stderr()).toContain("line 2");
    expect(server.stderr()).not.toContain(token);
  });

  it("does not start without a list, and says how to make one", async () => {
    const dir = await freshDir();
    const failed = async (env: Record<string, string>): Promise<string> => {
      const cli = startCli({ env: { RUNLOG_AUTH: "token", ...env } });
      expect((await cli.exited).code).not.toBe(0);
      return cli.stderr();
    };
    expect(await failed({ STORAGE_URL: "memory:" })).toContain("runlog token add");
    expect(await failed({ RUNLOG_TOKENS_FILE: join(dir, "none") })).toContain("cannot be read");
    await writeFile(join(dir, "bad"), "# who\nann\n");
    expect(await failed({ RUNLOG_TOKENS_FILE: join(dir, "bad") })).toContain("line 2");
    expect(await failed({ RUNLOG_TOKENS: "ann" })).toContain("RUNLOG_TOKENS: line 1");
  });
});

describe("a server that asks for tokens in a directory without a list", () => {
  /** The one that a start has printed. */
  const TOKEN = /^rl_[\w-]{43}$/gm;

  async function freshStore() {
    const dir = await freshDir();
    const env = { RUNLOG_AUTH: "token", STORAGE_URL: `file:${join(dir, "data")}` };
    return { file: join(dir, "data", "tokens"), env };
  }

  it("makes one with a token that may do everything, and prints it at its first start only", async () => {
    const { file, env } = await freshStore();
    const server = await startServer({ env });
    const [token = "", ...more] = server.stdout().match(TOKEN) ?? [];
    expect(more).toEqual([]);
    expect((await server.fetch(SESSIONS)).status).toBe(401);
    const deleted = { method: "DELETE", headers: bearer(token) };
    expect((await server.fetch(`${SESSIONS}/s1`, deleted)).status).toBe(404);
    const text = await readFile(file, "utf8");
    expect(text).toMatch(/^admin [0-9a-f]{64} admin \*\n$/);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    server.kill("SIGTERM");
    expect((await server.exited).code).toBe(0);
    const again = await startServer({ env });
    expect(again.stdout()).not.toContain("rl_");
    expect((await again.fetch(SESSIONS, { headers: bearer(token) })).status).toBe(200);
    expect(await readFile(file, "utf8")).toBe(text);
    expect(await readdir(dirname(file))).not.toContainEqual(expect.stringMatching(/tmp$/));
  });

  it("leaves a list alone that is there, also one without a token", async () => {
    const { file, env } = await freshStore();
    await mkdir(dirname(file));
    await writeFile(file, "# nobody\n");
    const server = await startServer({ env });
    expect(server.stdout()).not.toContain("rl_");
    expect(await readFile(file, "utf8")).toBe("# nobody\n");
  });

  it("is the one whose list `runlog token` changes by default", async () => {
    const { env } = await freshStore();
    const server = await startServer({ env });
    const { stdout } = await runCli({ env, args: ["token", "add", "ann", "--right", "read"] });
    const statusOf = async (): Promise<number> =>
      (await server.fetch(SESSIONS, { headers: bearer(stdout.trim()) })).status;
    await waitFor(async () => (await statusOf()) === 200, { what: "the token to be known" });
    const list = await runCli({ env, args: ["token", "list"] });
    expect(list.stdout).toBe("admin  admin  *\nann    read   *\n");
  });
});

it("the guide to EventSource follows a session with tickets, over a kill of the server", async () => {
  const tokens = await freshTokens();
  const token = await tokens.add("ann");
  const first = await tokens.serve();
  const { port } = new URL(first.url);
  const [, code = ""] = await blocksOf("docs/guides/event-source.md", "js");
  const file = join(await freshDir(), "page.mjs");
  const ours = `const tokenOfUser = () => "${token}";
const show = (text) => process.stdout.write(text);
setInterval(() => {}, 1000);`;
  await writeFile(file, `${ours}\n${replaced(code, "8080", port)}`);
  const say = async (server: ServerProcess, runId: string): Promise<void> => {
    const posted = await server.fetch(`${SESSIONS}/hello/agui/run`, {
      method: "POST",
      headers: { ...bearer(token), "Content-Type": "application/json" },
      body: runBody(runId),
    });
    expect(posted.status).toBe(200);
  };
  await say(first, "r1");
  const page = startCli({ command: [process.execPath, "--experimental-eventsource", file] });
  await waitFor(() => page.stdout().length > 20, { what: `text in the page; ${page.stderr()}` });
  first.kill();
  await first.exited;
  const shown = page.stdout();
  const second = await tokens.serve({ PORT: port });
  await say(second, "r2");
  await waitFor(() => page.stdout().length > shown.length + 20, { what: "more of it" });
  expect(page.stdout().startsWith(shown)).toBe(true);
  expect(page.stderr()).not.toContain("Error");
});

describe("runlog token", () => {
  it("keeps no token, only its SHA-256, in a file that is its owner's", async () => {
    const tokens = await freshTokens();
    const token = await tokens.add("ann", "--right", "read", "--projects", "a,b");
    expect(token).toMatch(/^rl_[\w-]{43}$/);
    const text = await readFile(tokens.file, "utf8");
    expect(text).toMatch(/^ann [0-9a-f]{64} read a,b\n$/);
    expect((await stat(tokens.file)).mode & 0o777).toBe(0o600);
    await tokens.add("bob-b");
    expect((await tokens.command("list")).stdout).toBe("ann    read   a,b\nbob-b  write  *\n");
    await tokens.command("revoke", "ann");
    expect((await tokens.command("list")).stdout).toBe("bob-b  write  *\n");
  });

  it.each([
    [["add"], "token add <name>"],
    [["add", "a b"], "a name has"],
    [["add", "ann", "--right", "all"], "read, write, admin"],
    [["add", "ann", "--projects", "a, b"], "separated by commas"],
    [["revoke", "nobody"], "There is no token of nobody"],
    [["drop", "ann"], "token revoke <name>"],
  ])("%j is refused with what would be right", async (args, text) => {
    const { code, stderr } = await (await freshTokens()).command(...args);
    expect(code).not.toBe(0);
    expect(stderr).toContain(text);
  });
});
