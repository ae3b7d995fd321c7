import { createServer as createHttpServer } from "node:http";
import { createServer } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import { freePort, listenOnLoopback } from "../../scripts/bench/loopback.ts";
import { runBody } from "../contract/session-routes/harness.ts";
import { startFaultProxy, type WireFault } from "../support/fault-proxy.ts";
import { requestOnce } from "../support/one-request.ts";
import { BUCKET, startS3Server } from "../support/s3-server.ts";
import { freshDir, runCli, startCli, startServer } from "../support/server-process.ts";
import { waitFor } from "../support/wait-for.ts";

/** Several processes a test, each of which waits for a store that is dead. */
const TIMEOUT_MS = 180_000;
const SESSION = "/api/projects/p1/agentic-sessions/s1";
const KEYS = { AWS_ACCESS_KEY_ID: "key", AWS_SECRET_ACCESS_KEY: "secret" };

/** An address at which nobody listens. */
async function closedEndpoint(): Promise<string> {
  return `http://127.0.0.1:${await freePort()}`;
}

/** One that accepts whoever comes, and never says anything. */
async function silentEndpoint(): Promise<string> {
  const server = createServer((socket) => socket.on("error", () => {}));
  const port = await listenOnLoopback(server);
  onTestFinished(() => void server.close());
  return `http://127.0.0.1:${port}`;
}

describe.each([
  ["is not there", closedEndpoint, "Cannot reach"],
  ["accepts and never answers", silentEndpoint, "No answer from"],
])("an object store that %s", { timeout: TIMEOUT_MS }, (_, endpointOf, failure) => {
  it("ends the start and every command with what, where and what to do", async () => {
    const endpoint = await endpointOf();
    const env = { ...KEYS, AWS_ENDPOINT_URL_S3: endpoint, STORAGE_URL: "s3://logs/prefix" };
    const archive = { RUNLOG_ARCHIVE_URL: `file:${await freshDir()}` };
    const place = `the object store at ${endpoint}, bucket logs`;
    const commands = [["serve"], ["verify"], ["export", "p/s"], ["archive"], ["restore"]];
    const ran = commands.map((args) => runCli({ args, env: { ...env, ...archive } }));
    for (const { code, stdout, stderr } of await Promise.all(ran)) {
      expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
      const [waiting, said, ...more] = stderr.trimEnd().split("\n");
      expect(waiting).toContain(`waiting for ${place}`);
      expect(said).toMatch(
        new RegExp(`^runlog: ${failure} ${place} \\(.+\\): .*AWS_ENDPOINT_URL_S3`),
      );
      expect(more).toEqual([]);
    }
  });

  it("fails the commands that need it as an archive, and keeps no server from its own sessions", async () => {
    const endpoint = await endpointOf();
    const env = {
      ...KEYS,
      AWS_ENDPOINT_URL_S3: endpoint,
      RUNLOG_ARCHIVE_URL: "s3://archive",
      STORAGE_URL: `file:${await freshDir()}`,
      RUNLOG_S3_CREATE_BUCKET: "1",
    };
    const place = `the object store at ${endpoint}, bucket archive`;
    const server = await startServer({ env });
    expect(server.stderr()).toContain('"event":"archive-not-reachable"');
    expect((await requestOnce(`${server.url}/health`)).status).toBe(200);
    server.kill("SIGTERM");
    expect(await server.exited).toEqual({ code: 0, signal: null });
    // those that write need the directory for themselves
    const ran = [["verify"], ["archive"]].map((args) => runCli({ args, env }));
    const exits = [...(await Promise.all(ran)), await runCli({ args: ["restore"], env })];
    for (const { code, stdout, stderr } of exits) {
      expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
      expect(stderr).toContain(`runlog: ${failure} ${place} (`);
    }
  });

  it("keeps no server from being stopped before it listens", async () => {
    const endpoint = await endpointOf();
    const env = { ...KEYS, AWS_ENDPOINT_URL_S3: endpoint, STORAGE_URL: "s3://logs" };
    const cli = startCli({ env });
    await waitFor(() => cli.stderr().includes("waiting for"), { what: "a word of the wait" });
    cli.kill("SIGTERM");
    expect(await cli.exited).toEqual({ code: 0, signal: null });
    expect(cli.stderr()).toMatch(/"text":"stopped before it listened"}\n$/);
  });
});

/** The address of a server that answers everything with a page. */
async function pageEndpoint(status: number): Promise<string> {
  const server = createHttpServer((request, response) => {
    request.resume();
    response.writeHead(status, { "Content-Type": "text/html" }).end("<html>Hello</html>");
  });
  const port = await listenOnLoopback(server);
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${port}`;
}

it(
  "a page in the place of an object store ends the start with where that is",
  { timeout: TIMEOUT_MS },
  async () => {
    const endpoint = await pageEndpoint(200);
    const env = { ...KEYS, AWS_ENDPOINT_URL_S3: endpoint, STORAGE_URL: "s3://logs" };
    const { code, stdout, stderr } = await runCli({ env });
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(
      /^runlog: .*does not list objects as S3 does: is its address right\?\n$/,
    );
    expect(stderr).toContain(`${endpoint}, bucket logs`);
  },
);

describe("a server that does what a command is for", () => {
  it.each([["archive"], ["restore"]])(
    "%s: and is another one, refuses, or is not there, is named",
    async (command) => {
      const run = (url: string, ...args: string[]) =>
        runCli({ args: [command, "--server", url, ...args] });
      const page = await pageEndpoint(200);
      const strange = `runlog: What answers at ${page} is no runlog server: --server is the URL of one\n`;
      const failed = { code: 1, stdout: "" };
      expect(await run(page, "p/s")).toMatchObject({ ...failed, stderr: strange });
      expect(await run(page, "--project", "p")).toMatchObject({ ...failed, stderr: strange });
      const locked = await pageEndpoint(401);
      const refused = `runlog: The server at ${locked} answered 401: RUNLOG_TOKEN is sent as bearer token\n`;
      expect(await run(locked, "p/s")).toMatchObject({ ...failed, stderr: refused });
      const nowhere = await run(await closedEndpoint(), "p/s");
      expect(nowhere).toMatchObject(failed);
      expect(nowhere.stderr).toMatch(
        /^runlog: The server at .* cannot be reached \(.*ECONNREFUSED.*\): is it running\?\n$/,
      );
    },
  );

  it("and says nothing, is waited for aloud", async () => {
    const endpoint = await silentEndpoint();
    const cli = startCli({ args: ["restore", "--server", endpoint, "p/s"] });
    const aloud = `runlog: waiting for the server at ${endpoint}\n`;
    await waitFor(() => cli.stderr() === aloud, { what: "a word of the wait" });
    cli.kill("SIGTERM");
    expect(await cli.exited).toEqual({ code: null, signal: "SIGTERM" });
  });
});

it(
  "a server whose object store falls silent under a run stops within its time, and says what is left open",
  { timeout: TIMEOUT_MS },
  async () => {
    const s3 = await startS3Server();
    let fault: WireFault = "none";
    const proxy = await startFaultProxy(s3.endpoint, () => fault);
    onTestFinished(async () => {
      await proxy.close();
      await s3.close();
    });
    const env = {
      STORAGE_URL: `s3://${BUCKET}/${crypto.randomUUID()}`,
      AWS_ENDPOINT_URL_S3: new URL(new URL(s3.endpoint).pathname, proxy.origin).href,
      AWS_ACCESS_KEY_ID: s3.credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: s3.credentials.secretAccessKey,
    };
    const server = await startServer({ env });
    const posted = await requestOnce(`${server.url}${SESSION}/agui/run`, {
      method: "POST",
      body: runBody("r1"),
    });
    expect(posted.status).toBe(200);
    fault = "stall-before";
    server.kill("SIGTERM");
    expect(await server.exited).toEqual({ code: 1, signal: null });
    const said = server.stderr();
    expect(said).toContain('"text":"waiting for the store to take the ends of runs"');
    expect(said).toContain('"text":"waiting for the object store at ');
    expect(said).toMatch(/"text":"s3:\/\/.* did not take the ends of 1 run\(s\): the next start/);

    // and the next start does
    fault = "none";
    const next = await startServer({ env });
    const log = async (): Promise<string> =>
      (await requestOnce(`${next.url}${SESSION}/export?view=raw`)).text;
    await waitFor(async () => (await log()).includes("server-restarted"), {
      timeoutMs: 80_000,
      what: "the end of the run",
    });
  },
);
