// Clients that ask for a large replay and never read it: what they cost, and when they are gone.
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { exitOnSignals } from "./bench/child-script.ts";
import { createDataDir } from "./bench/data-dir.ts";
import { generateLog } from "./bench/generate-log.ts";
import { type HttpStream, openHttpStream } from "./bench/http-stream.ts";
import { startServer } from "./bench/server-process.ts";
import { createMemoryGroup } from "./load/memory-group.ts";
import { serverSockets, tcpMemoryBytes } from "./load/sockets.ts";
import { formatLines, mebibytes } from "./soak/report.ts";

const HELP = `Opens connections that ask for a large replay and never read, and watches the server.

  npm run half-open                     1,000 connections to a log of 100 MB
  npm run half-open -- --clients N
  npm run half-open -- --log MB
  npm run half-open -- --export         exports instead of event streams
  npm run half-open -- --deadline S     the server's write deadline in seconds (30)

Exits with 1 if a connection costs the server more than 256 KiB, if one is still there after two deadlines,
or if the kernel still holds bytes for it then.`;

const MEBIBYTE = 1024 * 1024;
const GROUP_BYTES = 512 * MEBIBYTE;
const LIMIT_BYTES_EACH = 256 * 1024;
const LOOK_MS = 500;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      clients: { type: "string", default: "1000" },
      log: { type: "string", default: "100" },
      deadline: { type: "string", default: "30" },
      export: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    process.stdout.write(`${HELP}\n`);
    return;
  }
  exitOnSignals();
  const data = await createDataDir([await generateLog(Number(values.log))]);
  const group = await createMemoryGroup(GROUP_BYTES);
  const server = await startServer({
    dataDir: data.dir,
    group,
    env: { RUNLOG_WRITE_DEADLINE: `${values.deadline}s` },
  });
  const route = values.export ? "/export" : "/agui/events?view=raw";
  const path = `${data.sessions[0]?.path}${route}`;
  const streams: HttpStream[] = [];
  const clients = Number(values.clients);
  const deadlineMs = Number(values.deadline) * 1_000;
  const violations: string[] = [];
  try {
    const { residentBytes: before } = await server.memory();
    const tcpBefore = await tcpMemoryBytes();
    for (let client = 0; client < clients; client += 1)
      streams.push(openHttpStream({ port: server.port, path, bytesPerSecond: 0 }));
    const answers = await Promise.allSettled(streams.map(({ head }) => head));
    const unanswered = answers.filter(({ status }) => status === "rejected").length;
    if (unanswered > 0) violations.push(`${unanswered} connections were not answered`);
    const openedAtMs = performance.now();
    let unsent = 0;
    let tcp = 0;
    let established = clients;
    while (established > 0 && performance.now() - openedAtMs < 2 * deadlineMs) {
      await sleep(LOOK_MS);
      const sockets = await serverSockets(server.port);
      unsent = Math.max(unsent, sockets.unsentBytes);
      tcp = Math.max(tcp, (await tcpMemoryBytes()) - tcpBefore);
      established = sockets.established;
    }
    const goneMs = performance.now() - openedAtMs;
    const after = await serverSockets(server.port);
    const { peakBytes } = await server.memory();
    if (established > 0) violations.push(`${established} connections are still there`);
    if (after.closing > 0)
      violations.push(
        `the kernel still holds ${mebibytes(after.unsentBytes)} for ${after.closing} connections`,
      );
    const each = (peakBytes - before) / clients;
    if (each > LIMIT_BYTES_EACH) violations.push("a connection costs the server too much");
    process.stdout.write(
      `${formatLines([
        ["connections", String(clients)],
        ["resident memory before", mebibytes(before)],
        ["  highest", mebibytes(peakBytes)],
        ["  a connection", `${Math.round(each / 1024)} KiB`],
        [
          "unsent bytes in the kernel",
          `${mebibytes(unsent)}, a connection ${mebibytes(unsent / clients)}`,
        ],
        ["TCP memory of the kernel", `${mebibytes(tcp)}, a connection ${mebibytes(tcp / clients)}`],
        [
          "all gone after",
          `${(goneMs / 1_000).toFixed(1)} s of a deadline of ${values.deadline} s`,
        ],
        ["  still being closed", String(after.closing)],
        ["verdict", violations.length === 0 ? "ok" : violations.join("; ")],
      ])}\n`,
    );
    if (violations.length > 0) process.exitCode = 1;
  } finally {
    for (const stream of streams) stream.close();
    await server.stop();
    await data.remove();
    group?.remove();
  }
}

await main();
