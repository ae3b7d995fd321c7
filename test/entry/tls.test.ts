import { once } from "node:events";
import { copyFile, readFile } from "node:fs/promises";
import { type ClientHttp2Session, type ClientHttp2Stream, connect } from "node:http2";
import { get, type RequestOptions } from "node:https";
import { join } from "node:path";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { connect as connectTls } from "node:tls";
import { describe, expect, it, onTestFinished } from "vitest";
import { serverSockets } from "../../scripts/load/sockets.ts";
import { SseReader } from "../contract/read-sse.ts";
import {
  finishedEvent,
  openRunner,
  SessionClient,
  startedEvent,
  tell,
} from "../contract/session-routes/harness.ts";
import type { FakeRunner } from "../support/fake-runner.ts";
import { type CertificateFiles, forHost, makeCertificate } from "../support/certificates.ts";
import { freshDir, freshRunner, runCli, startServer } from "../support/server-process.ts";
import type { ServerProcess } from "../support/server-process.ts";
import { startTcpProxy } from "../support/tcp-proxy.ts";
import { fetchOver } from "../support/tls-fetch.ts";
import { waitFor } from "../support/wait-for.ts";

const MIB = 1024 * 1024;
const HOST = "127.0.0.1";

interface SecureServer {
  readonly server: ServerProcess;
  readonly runner: FakeRunner;
  readonly files: CertificateFiles;
  readonly ca: string;
  readonly port: number;
  readonly session: SessionClient;
}

/** A server that speaks TLS, and one session of it over HTTP/2. */
async function startSecure(env: Record<string, string> = {}): Promise<SecureServer> {
  const dir = await freshDir();
  const files = await makeCertificate(dir, "first", ...forHost(HOST));
  const runner = await freshRunner();
  const server = await startServer({
    env: {
      STORAGE_URL: `file:${join(dir, "data")}`,
      RUNNER_URL: runner.address,
      RUNLOG_TLS_CERT: files.certFile,
      RUNLOG_TLS_KEY: files.keyFile,
      ...env,
    },
  });
  const ca = await readFile(files.certFile, "utf8");
  const fetch = fetchOver(server.url, { ca, allowH2: true });
  const session = new SessionClient({ fetch, runner, dispose: async () => {} });
  return { server, runner, files, ca, port: Number(new URL(server.url).port), session };
}

/** A connection of HTTP/2. */
async function openHttp2(port: number, ca: string): Promise<ClientHttp2Session> {
  const client = connect(`https://${HOST}:${port}`, { ca });
  onTestFinished(() => client.destroy());
  client.on("error", () => {});
  await once(client, "connect");
  return client;
}

interface Viewer {
  readonly stream: ClientHttp2Stream;
  readonly sse: SseReader;
}

async function view(client: ClientHttp2Session, path: string): Promise<Viewer> {
  const stream = client.request({ ":path": path, accept: "text/event-stream" });
  stream.on("error", () => {});
  const [headers] = (await once(stream, "response")) as [Record<string, unknown>];
  expect(headers[":status"]).toBe(200);
  return { stream, sse: new SseReader(Readable.toWeb(stream) as ReadableStream<Uint8Array>) };
}

/** Stores a run with one event of so many bytes. */
async function storeLarge({ runner, session }: SecureServer, bytes: number): Promise<void> {
  const large = JSON.stringify({ type: "CUSTOM", name: "large", value: "x".repeat(bytes) });
  runner.script((exchange) => tell(exchange, [startedEvent(), large, finishedEvent()]));
  await session.run();
  await waitFor(async () => (await session.agentStatus()) === "idle");
}

describe("with a certificate the server", () => {
  it("speaks HTTP/2, and HTTP/1.1 where the client knows no other", async () => {
    const { ca, port, server, session, runner } = await startSecure();
    expect(server.url).toBe(`https://${HOST}:${port}`);
    const exchange = await openRunner({ fetch, runner, dispose: async () => {} }, () =>
      session.run(),
    );
    const client = await openHttp2(port, ca);
    const viewers = [
      await view(client, `${session.path}/agui/events`),
      await view(client, `${session.path}/agui/events`),
    ];
    await exchange.write(`data: ${startedEvent()}\n\n`);
    for (const { sse } of viewers) {
      await sse.event();
      expect((await sse.event())?.data).toBe(startedEvent());
    }
    await exchange.write(`data: ${finishedEvent()}\n\n`);
    await exchange.end();
    const stored = await session.settled();
    const old = await getText({ port, ca, path: `${session.path}/export` });
    const { aguiEvents } = JSON.parse(old) as { readonly aguiEvents: readonly unknown[] };
    expect(aguiEvents.map((event) => JSON.stringify(event))).toEqual(stored);
  });

  it("logs what it has answered over HTTP/2 as over HTTP/1.1", async () => {
    const { ca, port, server, session, runner } = await startSecure();
    runner.script((exchange) => tell(exchange, [startedEvent(), finishedEvent()]));
    await session.run();
    await session.settled();
    const path = `${session.path}/agui/messages`;
    const body = await getText({ port, ca, path });
    const client = await openHttp2(port, ca);
    const whole = client.request({ ":path": path });
    await text(whole);
    const head = client.request({ ":path": path, ":method": "HEAD" });
    head.resume();
    await once(head, "end");
    const lines = (): Record<string, unknown>[] =>
      server
        .stderr()
        .split("\n")
        .filter((line) => line.includes("/agui/messages"))
        .map((line) => JSON.parse(line) as Record<string, unknown>);
    await waitFor(() => lines().length === 3, { what: "a line for each" });
    const { stream } = await view(client, `${session.path}/agui/events`);
    stream.close();
    await waitFor(() => /agui\/events","status":200.*"cut":true/.test(server.stderr()), {
      what: "a line for a stream that its client has left",
    });
    expect(lines().map(({ method, status, bytes, cut }) => [method, status, bytes, cut])).toEqual([
      ["GET", 200, Buffer.byteLength(body), undefined],
      ["GET", 200, Buffer.byteLength(body), undefined],
      ["HEAD", 200, 0, undefined],
    ]);
  });

  it("answers what is no request by a problem document", async () => {
    const { ca, port } = await startSecure();
    const client = await openHttp2(port, ca);
    const stream = client.request({ ":path": "/health", expect: "the-unexpected" });
    const [headers] = (await once(stream, "response")) as [Record<string, unknown>];
    expect([headers[":status"], headers["content-type"]]).toEqual([
      417,
      "application/problem+json",
    ]);
    const socket = connectTls({ port, host: HOST, ca });
    await once(socket, "secureConnect");
    socket.end("NONSENSE\r\n\r\n");
    expect(await text(socket)).toMatch(/^HTTP\/1\.1 400 [\s\S]*"status":400/);
  });

  it("takes a new certificate for new connections, and none that does not fit", async () => {
    const { files, port, server } = await startSecure();
    const dir = await freshDir();
    const next = await makeCertificate(dir, "next", ...forHost(HOST));
    const nameOf = async (): Promise<string> => {
      const socket = connectTls({ port, host: HOST, rejectUnauthorized: false });
      await once(socket, "secureConnect");
      const { CN } = socket.getPeerCertificate().subject;
      socket.destroy();
      return String(CN);
    };
    expect(await nameOf()).toBe("first");
    await copyFile(next.certFile, files.certFile);
    await waitFor(() => /tls-keys-not-read/.test(server.stderr()), { what: "a complaint" });
    expect(await nameOf()).toBe("first");
    await copyFile(next.keyFile, files.keyFile);
    await waitFor(async () => (await nameOf()) === "next", { what: "the next certificate" });
  });

  it("resets the stream of a viewer that does not read, and no other of its connection", async () => {
    const secure = await startSecure({ RUNLOG_WRITE_DEADLINE: "1s" });
    await storeLarge(secure, 8 * MIB);
    const { ca, port, session } = secure;
    const client = await openHttp2(port, ca);
    const stuck = client.request({ ":path": `${session.path}/agui/events` });
    stuck.on("error", () => {});
    const [headers] = (await once(stuck, "response")) as [Record<string, unknown>];
    expect(headers[":status"]).toBe(200);
    await waitFor(() => stuck.closed, { what: "the stream to be reset" });
    expect(stuck.rstCode).not.toBe(0);
    const { sse } = await view(client, `${session.path}/agui/events`);
    await sse.event();
    expect((await sse.event())?.data).toBe(startedEvent());
  });

  it("the kernel keeps nothing for clients that take nothing any more", async () => {
    const secure = await startSecure({ RUNLOG_WRITE_DEADLINE: "1s" });
    await storeLarge(secure, 24 * MIB);
    const { ca, port, session } = secure;
    const proxy = await startTcpProxy(port);
    const client = connect(`https://${HOST}:${proxy.port}`, {
      ca,
      // as much as the connection takes
      settings: { initialWindowSize: 2 ** 31 - 1 },
    });
    onTestFinished(() => client.destroy());
    client.on("error", () => {});
    await once(client, "remoteSettings");
    client.setLocalWindowSize(2 ** 31 - 1);
    await new Promise((resolve) => void client.ping(resolve));
    const { established: before } = await serverSockets(port);
    proxy.stall();
    client.request({ ":path": `${session.path}/agui/events` }).on("error", () => {});
    await waitFor(async () => (await serverSockets(port)).unsentBytes > MIB / 4, {
      what: "bytes that nobody takes",
    });
    await waitFor(
      async () => {
        const { established, unsentBytes } = await serverSockets(port);
        return unsentBytes === 0 && established < before;
      },
      { what: "the kernel to let go of them" },
    );
  });

  it("ends streams and connections when it stops", async () => {
    const { ca, port, server, session, runner } = await startSecure();
    runner.script((exchange) => tell(exchange, [startedEvent(), finishedEvent()]));
    await session.run();
    const client = await openHttp2(port, ca);
    const { stream } = await view(client, `${session.path}/agui/events`);
    stream.resume();
    server.kill("SIGTERM");
    await once(stream, "end");
    expect(await server.exited).toEqual({ code: 0, signal: null });
  });
});

describe("a start is refused", () => {
  it("with one of the two files", async () => {
    const { code, stderr } = await runCli({ env: { RUNLOG_TLS_KEY: "/nowhere" } });
    expect([code, stderr]).toEqual([
      2,
      expect.stringContaining("RUNLOG_TLS_CERT and RUNLOG_TLS_KEY are needed together"),
    ]);
  });

  it("with files that cannot be read, or do not belong together", async () => {
    const dir = await freshDir();
    const one = await makeCertificate(dir, "one");
    const other = await makeCertificate(dir, "other");
    const missing = await runCli({
      env: { RUNLOG_TLS_CERT: join(dir, "missing"), RUNLOG_TLS_KEY: one.keyFile },
    });
    expect([missing.code, missing.stderr]).toEqual([
      2,
      expect.stringMatching(/RUNLOG_TLS_CERT cannot be read: .*ENOENT/),
    ]);
    const mixed = await runCli({
      env: { RUNLOG_TLS_CERT: one.certFile, RUNLOG_TLS_KEY: other.keyFile },
    });
    expect([mixed.code, mixed.stderr]).toEqual([
      2,
      expect.stringMatching(/are no certificate and its key: .*mismatch/),
    ]);
  });
});

/** The body of a GET over HTTP/1.1. */
function getText(options: RequestOptions): Promise<string> {
  return new Promise((resolve, reject) => {
    get({ host: HOST, ...options }, (response) => {
      expect(response.httpVersion).toBe("1.1");
      text(response).then(resolve, reject);
    }).once("error", reject);
  });
}
