// Many tabs of many browsers at a server that speaks TLS itself: each connection has the streams of twelve.
import { execFile, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { type ClientHttp2Session, connect } from "node:http2";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs, promisify } from "node:util";
import { exitOnSignals } from "./bench/child-script.ts";
import { freePort } from "./bench/loopback.ts";
import { startArguments } from "./bench/server-process.ts";
import { createMemoryGroup } from "./load/memory-group.ts";
import { formatLines, mebibytes } from "./soak/report.ts";

const HELP = `Opens HTTP/2 connections over TLS with twelve event streams each, has a run in every session, and checks
that each stream gets each event.

  npm run h2-viewers                      1,000 connections
  npm run h2-viewers -- --connections N
  npm run h2-viewers -- --memory MIB      of the server (1024; in 512 there is room for some 500 connections)

Exits with 1 if a stream misses anything.`;

const SESSIONS = 12;
const MEBIBYTE = 1024 * 1024;
/** Connections that are opened at once: each costs a handshake. */
const AT_ONCE = 32;
const LOOK_MS = 200;
const START_MS = 30_000;
const LAST_MS = 600_000;
const run = promisify(execFile);

interface Viewer {
  readonly session: number;
  /** Resolves when it is answered. */
  readonly answered: Promise<unknown>;
  /** What came so far. */
  readonly digest: ReturnType<typeof createHash>;
  events: number;
  isOver: boolean;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      connections: { type: "string", default: "1000" },
      memory: { type: "string", default: "1024" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    process.stdout.write(`${HELP}\n`);
    return;
  }
  exitOnSignals();
  const connections = Number(values.connections);
  const dir = await mkdtemp(join(tmpdir(), "runlog-h2-"));
  const group = await createMemoryGroup(Number(values.memory) * MEBIBYTE);
  const server = await startServer(dir, connections, group);
  const clients: ClientHttp2Session[] = [];
  try {
    const before = await server.residentBytes();
    const viewers: Viewer[] = [];
    const open = async (): Promise<void> => {
      while (clients.length < connections) {
        const client = connect(server.url, { ca: server.ca });
        clients.push(client);
        await once(client, "connect");
        for (let session = 0; session < SESSIONS; session += 1) viewers.push(view(client, session));
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, open));
    await Promise.all(viewers.map(({ answered }) => answered));
    const opened = await server.residentBytes();
    const startedAtMs = performance.now();
    const [poster] = clients;
    if (!poster) throw new Error("There is no connection");
    await Promise.all(Array.from({ length: SESSIONS }, (_, session) => post(poster, session)));
    while (viewers.some(({ isOver }) => !isOver) && performance.now() - startedAtMs < LAST_MS)
      await sleep(LOOK_MS);
    const tookMs = performance.now() - startedAtMs;
    const missing = viewers.filter(({ isOver }) => !isOver).length;
    const kinds = Array.from(
      { length: SESSIONS },
      (_, session) =>
        new Set(viewers.filter((v) => v.session === session).map((v) => v.digest.digest("hex")))
          .size,
    );
    const isOk = missing === 0 && kinds.every((count) => count === 1);
    process.stdout.write(
      `${formatLines([
        ["connections", String(connections)],
        ["event streams", String(viewers.length)],
        ["events to all of them", String(viewers.reduce((sum, { events }) => sum + events, 0))],
        ["  within", `${(tookMs / 1_000).toFixed(1)} s`],
        ["resident memory before", mebibytes(before)],
        ["  with all open", mebibytes(opened)],
        ["  after the runs", mebibytes(await server.residentBytes())],
        ["  a stream", `${Math.round((opened - before) / viewers.length / 1_024)} KiB`],
        ["streams that missed something", String(missing)],
        ["verdict", isOk ? "ok" : `streams of a session differ: ${kinds.join(" ")}`],
      ])}\n`,
    );
    if (!isOk) process.exitCode = 1;
  } finally {
    for (const client of clients) client.destroy();
    await server.stop();
    await rm(dir, { recursive: true });
    group?.remove();
  }
}

async function startServer(
  dir: string,
  connections: number,
  group: Awaited<ReturnType<typeof createMemoryGroup>>,
) {
  const [key, cert] = [join(dir, "key.pem"), join(dir, "cert.pem")];
  const request =
    "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=x";
  const more = ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", cert];
  await run("openssl", [...request.split(" "), ...more]);
  const port = await freePort();
  const command = [process.execPath, ...(await startArguments())];
  const [file = "", ...args] = group?.command(command) ?? command;
  const child = spawn(file, args, {
    stdio: ["ignore", "pipe", "inherit"],
    env: {
      PATH: process.env["PATH"],
      PORT: String(port),
      STORAGE_URL: `file:${join(dir, "data")}`,
      RUNLOG_TLS_CERT: cert,
      RUNLOG_TLS_KEY: key,
      RUNLOG_MAX_STREAMS: String(connections * SESSIONS + 10),
      RUNLOG_MAX_SESSION_STREAMS: String(connections + 10),
    },
  });
  await once(child.stdout, "data", { signal: AbortSignal.timeout(START_MS) });
  return {
    url: `https://127.0.0.1:${port}`,
    ca: await readFile(cert),
    async residentBytes(): Promise<number> {
      const status = await readFile(`/proc/${child.pid}/status`, "utf8");
      return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]) * 1_024;
    },
    async stop(): Promise<void> {
      child.kill("SIGKILL");
      if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
    },
  };
}

function pathOf(session: number): string {
  return `/api/projects/p/agentic-sessions/s${session}/agui`;
}

function view(client: ClientHttp2Session, session: number): Viewer {
  const stream = client.request({ ":path": `${pathOf(session)}/events` });
  const viewer: Viewer = {
    session,
    answered: once(stream, "response"),
    digest: createHash("sha256"),
    events: 0,
    isOver: false,
  };
  let rest = "";
  stream.setEncoding("utf8").on("data", (chunk: string) => {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      if (!line.startsWith("data:")) continue;
      viewer.events += 1;
      viewer.digest.update(line);
      if (line.includes('"type":"RUN_FINISHED"')) viewer.isOver = true;
    }
  });
  // what it misses is counted
  stream.on("error", () => {});
  return viewer;
}

async function post(client: ClientHttp2Session, session: number): Promise<void> {
  const stream = client.request({
    ":method": "POST",
    ":path": `${pathOf(session)}/run`,
    "content-type": "application/json",
  });
  stream.end(
    JSON.stringify({ runId: "r", messages: [{ id: "m", role: "user", content: "hello" }] }),
  );
  const [headers] = (await once(stream, "response")) as [Record<string, unknown>];
  if (headers[":status"] !== 200)
    throw new Error(`A run was answered by ${String(headers[":status"])}`);
  stream.resume();
}

await main();
