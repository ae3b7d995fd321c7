import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { ALL_SETTINGS } from "../../src/config/settings.ts";
import { type SseEvent, SseReader } from "../contract/read-sse.ts";
import { freshDir, runCli, type ServerProcess, startServer } from "../support/server-process.ts";

const SESSION = "/api/projects/demo/agentic-sessions/hello";

describe("the command line", () => {
  it.each(["--help", "-h"])(
    "%s names every variable with its default and exits 0",
    async (flag) => {
      const { code, stdout, stderr } = await runCli({ args: [flag] });
      expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
      const lines = stdout.split("\n");
      expect(ALL_SETTINGS.length).toBeGreaterThan(0);
      for (const { name, shown, meaning } of ALL_SETTINGS) {
        const line = lines.find((text) => text.startsWith(`  ${name} `));
        expect(line, name).toContain(meaning);
        if (shown !== "") expect(line).toContain(`(default ${shown})`);
      }
    },
  );

  it("--version prints the version of the package and exits 0", async () => {
    const file = await readFile(new URL("../../package.json", import.meta.url), "utf8");
    const { version } = JSON.parse(file) as { version: string };
    const result = await runCli({ args: ["--version"] });
    expect(result).toEqual({ code: 0, signal: null, stdout: `runlog ${version}\n`, stderr: "" });
  });

  it.each([["--prot=1"], ["sreve"]])("%s, which it does not know, exits 2", async (argument) => {
    const { code, stdout, stderr } = await runCli({ args: [argument] });
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(/^runlog: /);
    expect(stderr).toContain(argument.replace("=1", ""));
    expect(stderr).not.toContain("    at ");
  });

  it("a bad configuration exits 2 and tells all of its problems", async () => {
    const { code, stdout, stderr } = await runCli({
      cwd: await freshDir(),
      env: {
        PORT: "http",
        STORAGE_URL: "ftp://x",
        RUNLOG_FSYNC: "sometimes",
        RUNLOG_WRITE_DEADLNE: "3s",
        HOST: "0.0.0.0",
      },
    });
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    for (const name of ["PORT", "STORAGE_URL", "RUNLOG_FSYNC", "RUNLOG_WRITE_DEADLNE", "HOST"])
      expect(stderr).toMatch(new RegExp(`^  - ${name}\\b`, "m"));
    expect(stderr).not.toContain("    at ");
  });

  it("an address beyond loopback is refused unless that is said to be meant", async () => {
    const { code, stdout, stderr } = await runCli({
      cwd: await freshDir(),
      env: { HOST: "0.0.0.0" },
    });
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain("HOST=0.0.0.0 is not loopback");
    expect(stderr).toContain("RUNLOG_ALLOW_PUBLIC=1");
  });

  it.each([
    ["is not there", null],
    ["is no YAML", "clusters: [\n"],
    ["names no cluster", "apiVersion: v1\nkind: Config\n"],
  ])("a kubeconfig that %s exits 1 and is named", async (_what, text) => {
    const dir = await freshDir();
    const file = join(dir, "kubeconfig");
    if (text !== null) await writeFile(file, text);
    const env = { RUNLOG_AUTH: "kubernetes", KUBECONFIG: file, STORAGE_URL: "memory:", PORT: "0" };
    const { code, stdout, stderr } = await runCli({ cwd: dir, env });
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(/^runlog: [^\n]*kubeconfig '[^\n]+\n$/);
    expect(stderr).toContain(`'${file}'`);
  });

  it("a port that is taken exits 1 and says what to do", async () => {
    const taken = createServer().listen(0, "127.0.0.1");
    onTestFinished(() => void taken.close());
    await once(taken, "listening");
    const { port } = taken.address() as AddressInfo;
    const { code, stdout, stderr } = await runCli({
      cwd: await freshDir(),
      env: { PORT: String(port) },
    });
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(/^runlog: .*EADDRINUSE.*PORT sets another port\n$/);
    expect(stderr).toContain(`127.0.0.1:${port}`);
  });
});

it("a server starts in a pod beside Services whose names begin with runlog", async () => {
  const links = Object.fromEntries(
    ["RUNLOG", "RUNLOG_API", "RUNLOG_MAX"].flatMap((name) => [
      [`${name}_SERVICE_HOST`, "10.96.0.7"],
      [`${name}_SERVICE_PORT`, "8080"],
      [`${name}_SERVICE_PORT_HTTP`, "8080"],
      [`${name}_PORT`, "tcp://10.96.0.7:8080"],
      [`${name}_PORT_8080_TCP`, "tcp://10.96.0.7:8080"],
      [`${name}_PORT_8080_TCP_PROTO`, "tcp"],
      [`${name}_PORT_8080_TCP_PORT`, "8080"],
      [`${name}_PORT_8080_TCP_ADDR`, "10.96.0.7"],
    ]),
  );
  const server = await startServer({ cwd: await freshDir(), env: links });
  expect((await server.fetch("/health")).status).toBe(200);
  expect(server.stderr()).not.toMatch(/"level":"(warn|error)"/);
});

describe("a server with nothing configured", () => {
  it("answers the requests of the README with the demo's events", async () => {
    const cwd = await freshDir();
    const server = await startServer({ cwd });
    expect(server.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect(server.stdout()).toContain("storage: ./data\n  runner: the built-in demo\n");

    const posted = await server.fetch(`${SESSION}/agui/run`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: '{"messages":[{"id":"m1","role":"user","content":"Fix the failing test"}]}',
    });
    const ids = (await posted.json()) as { runId: string; threadId: string };
    expect(posted.status).toBe(200);
    expect(ids).toEqual({ runId: expect.stringMatching(/^[0-9a-f-]{36}$/), threadId: "hello" });

    const [said, started, ...more] = await firstEvents(server, 5);
    expect(JSON.parse(said?.data ?? "")).toMatchObject({
      type: "MESSAGES_SNAPSHOT",
      messages: [{ id: "m1", role: "user", content: "Fix the failing test" }],
    });
    expect(JSON.parse(started?.data ?? "")).toMatchObject({ type: "RUN_STARTED", ...ids });
    const rest = await firstEvents(server, more.length, { "Last-Event-ID": started?.id ?? "" });
    expect(rest).toEqual(more);

    const stored = await server.fetch(`${SESSION}/export`, {
      headers: { Accept: "application/x-ndjson" },
    });
    expect((await stored.text()).split("\n").slice(0, 2)).toEqual([said?.data, started?.data]);
    expect(await readFile(`${cwd}/data/runlog.json`, "utf8")).toContain('"format"');
  });
});

async function firstEvents(
  server: ServerProcess,
  count: number,
  headers: Record<string, string> = {},
): Promise<SseEvent[]> {
  const response = await server.fetch(`${SESSION}/agui/events`, { headers });
  expect(response.headers.get("Content-Type")).toBe("text/event-stream");
  expect(response.headers.get("X-Runlog-Replay")).toBeNull();
  if (!response.body) throw new Error("No stream");
  const sse = new SseReader(response.body);
  const events = await sse.events(count);
  await sse.cancel();
  return events;
}
