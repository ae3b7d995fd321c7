// The reconnect storm: tens of thousands of connects to large logs, in a small memory group.
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { exitOnSignals, startScript } from "./bench/child-script.ts";
import { createDataDir, type DataDir } from "./bench/data-dir.ts";
import { generateLog } from "./bench/generate-log.ts";
import { freePort } from "./bench/loopback.ts";
import { formatNumber } from "./bench/row.ts";
import { createMemoryGroup } from "./load/memory-group.ts";
import { serverSockets } from "./load/sockets.ts";
import { keepServer, type KeptServer } from "./soak/kept-server.ts";
import { formatCounts, formatLines, loopDelays, mebibytes, memoryCurve } from "./soak/report.ts";
import { lateCursors } from "./storm/late-cursors.ts";
import { MOST_UNANSWERED, unansweredViolation } from "./storm/unanswered.ts";
import type { StormReport, StormSession } from "./storm/storm-clients.ts";

const HELP = `Lets viewers connect to large logs faster than a server likes, in a memory group of 512 MiB.

Half come back with a late cursor and leave at the end, half begin at the start and leave after 1 MB. Then
a flood: more viewers at once than the server admits, who stay. Exits with 1 if the server ends or grows
beyond the group, if anybody is refused otherwise than by 503 with Retry-After, if a stream has a hole, if
more than ${MOST_UNANSWERED * 100} % of a wave get no answer at all, or if it does not answer as before when all have gone.

  npm run storm                         35,000 connects in three minutes, then a flood of 3,000
  npm run storm -- --connects N --seconds S --flood N
  npm run storm -- --streams N          what the server admits (2500)
  npm run storm -- --log MB             size of each of the eight logs (100)
  npm run storm -- --memory MIB --seed S
  npm run storm -- --allow-unanswered   counts who gets no answer, and judges nothing by it`;

const MEBIBYTE = 1024 * 1024;
const SESSIONS = 8;
const SILENT_MS = 120_000;
const RECOVERY_MS = 60_000;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      connects: { type: "string", default: "35000" },
      seconds: { type: "string", default: "180" },
      flood: { type: "string", default: "3000" },
      streams: { type: "string", default: "2500" },
      log: { type: "string", default: "100" },
      memory: { type: "string", default: "512" },
      seed: { type: "string", default: String(Math.trunc(Math.random() * 2 ** 31)) },
      "allow-unanswered": { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    process.stdout.write(`${HELP}\n`);
    return;
  }
  exitOnSignals();
  const log = await generateLog(Number(values.log));
  const logs = Array.from({ length: SESSIONS }, () => log);
  const data = await createDataDir(logs, (_, index) => `storm-${index}`);
  const limitBytes = Number(values.memory) * MEBIBYTE;
  const group = await createMemoryGroup(limitBytes);
  const port = await freePort();
  const env = { RUNLOG_MAX_STREAMS: values.streams };
  const server = await keepServer({ dataDir: data.dir, port, group, env });
  try {
    const common = { port, sessions: await stormSessions(data), seed: Number(values.seed) };
    const connects = Number(values.connects);
    const storm = await unleash("storm", {
      ...common,
      connects,
      perSecond: connects / Number(values.seconds),
      stay: false,
    });
    const flood = await unleash("flood", {
      ...common,
      connects: Number(values.flood),
      perSecond: Number(values.flood),
      stay: true,
    });
    const recovered = await recover(port);
    const kills = (await group?.oomKills()) ?? 0;
    const isOverrun = Number(values.flood) > Number(values.streams);
    const unanswered = [
      unansweredViolation("storm", storm.counts),
      unansweredViolation("flood", flood.counts),
    ].filter((text) => text !== null);
    const violations = [
      ...(values["allow-unanswered"] ? [] : unanswered),
      ...(isOverrun && !("refused with 503" in flood.counts) ? ["nobody was refused"] : []),
      ...storm.violations,
      ...flood.violations,
      ...server.violations,
      ...(server.peakBytes > limitBytes ? [`the server took ${mebibytes(server.peakBytes)}`] : []),
      ...(kills > 0 ? [`killed for want of memory ${kills} times`] : []),
      ...(recovered ? [] : ["connections were left behind, or it answers no more"]),
    ];
    process.stdout.write(`${table(server, storm, flood, violations)}\n`);
    if (violations.length > 0) process.exitCode = 1;
  } finally {
    await server.stop();
    await data.remove();
    group?.remove();
  }
}

async function stormSessions({ sessions }: DataDir): Promise<StormSession[]> {
  const all: StormSession[] = [];
  for (const session of sessions)
    all.push({
      path: session.path,
      endCursor: session.endCursor,
      lateCursors: await lateCursors(session),
    });
  return all;
}

/** Runs one wave of clients to its end. */
async function unleash(name: string, args: unknown): Promise<StormReport> {
  const clients = startScript<StormReport>(
    new URL("./storm/storm-clients.ts", import.meta.url),
    args,
  );
  try {
    for (let seconds = 1; ; seconds += 1) {
      const report = await clients.next(SILENT_MS);
      if (report.done) return report;
      if (seconds % 15 === 0)
        process.stderr.write(`${name}: ${report.open} open; ${formatCounts(report.counts)}\n`);
    }
  } finally {
    await clients.stop();
  }
}

/** Whether everybody's connection goes and the server answers as it did before. */
async function recover(port: number): Promise<boolean> {
  const deadlineMs = Date.now() + RECOVERY_MS;
  while (Date.now() < deadlineMs) {
    const { established, closing } = await serverSockets(port);
    if (established + closing === 0) {
      const response = await fetch(`http://127.0.0.1:${port}/ready`);
      await response.text();
      return response.ok;
    }
    await sleep(1_000);
  }
  return false;
}

function table(
  server: KeptServer,
  storm: StormReport,
  flood: StormReport,
  violations: readonly string[],
): string {
  const first = ({ firstByteP50Ms, firstByteP99Ms }: StormReport): string =>
    `first byte p50 ${formatNumber(firstByteP50Ms)} ms, p99 ${formatNumber(firstByteP99Ms)} ms`;
  return formatLines([
    ["storm", formatCounts(storm.counts)],
    ["", first(storm)],
    ["flood", formatCounts(flood.counts)],
    ["", first(flood)],
    ["resident memory", memoryCurve(server.samples)],
    ["  highest", mebibytes(server.peakBytes)],
    ["event loop", loopDelays(server.samples)],
    ["verdict", violations.length === 0 ? "ok" : violations.join("; ")],
  ]);
}

await main();
