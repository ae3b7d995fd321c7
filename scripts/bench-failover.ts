// How long a viewer of a run that can be taken up sees nothing when the server goes that has the session: three
// servers on one S3 bucket, the viewer at another one. By SIGTERM, and by kill -9.
import { createServer } from "node:http";
import { parseArgs } from "node:util";
import { getRequestListener } from "@hono/node-server";
import { systemClock as clock } from "../src/entry/system-clock.ts";
import { waitFor } from "../test/contract/wait-for.ts";
import { exitOnSignals } from "./bench/child-script.ts";
import { sessionPath } from "./bench/data-dir.ts";
import { openHttpStream } from "./bench/http-stream.ts";
import { listenOnLoopback } from "./bench/loopback.ts";
import { progress } from "./bench/progress.ts";
import { formatTable } from "./bench/report.ts";
import { createResumableRunner } from "./bench/resumable-runner.ts";
import { atMost, type Row } from "./bench/row.ts";
import { startRun } from "./bench/start-run.ts";
import { type Cluster, startCluster } from "./soak/replicas/cluster.ts";

const EVENTS_PER_SECOND = 10;
/** More than a round lasts. */
const EVENTS = 3_000;
/** Events that are seen before, and after it is over. */
const SOME = 30;
const WATCH_MS = 120_000;
const LEASE_MS = 15_000;
const LIMITS_MS = { SIGTERM: 2_000, SIGKILL: LEASE_MS + 5_000 } as const;
const MEMORY_BYTES = 512 * 1024 * 1024;

type Signal = keyof typeof LIMITS_MS;

/** The longest time in ms in which nothing came, from the signal on. */
async function measure(cluster: Cluster, signal: Signal, session: string): Promise<number> {
  const [owner, other] = cluster.replicas;
  if (!owner || !other) throw new Error("There are too few replicas");
  const path = sessionPath(session);
  const arrivals: { readonly atMs: number; readonly sentMs: number }[] = [];
  let text = "";
  const stream = openHttpStream({
    port: other.port,
    path: `${path}/agui/events?view=raw`,
    onBody(bytes) {
      const lines = (text + bytes.toString()).split("\n");
      text = lines.pop() ?? "";
      for (const line of lines) {
        const sentMs = Number(/"timestamp":(\d+)/.exec(line)?.[1]);
        if (line.includes('"delta"')) arrivals.push({ atMs: Date.now(), sentMs });
      }
    },
  });
  await startRun(owner.port, path);
  await waitFor(() => arrivals.length >= SOME, { timeoutMs: WATCH_MS, what: "events" });
  const fromMs = Date.now();
  const back = signal === "SIGTERM" ? owner.server.rollOver() : owner.server.killAndStart();
  const after = (): typeof arrivals =>
    arrivals.filter(({ sentMs }) => sentMs > fromMs + LIMITS_MS[signal]);
  await waitFor(() => after().length >= SOME, { timeoutMs: WATCH_MS, what: "events after it" });
  stream.close();
  await back;
  const times = [fromMs, ...arrivals.map(({ atMs }) => atMs).filter((atMs) => atMs > fromMs)];
  return Math.max(...times.slice(1).map((atMs, at) => atMs - (times[at] ?? 0)));
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      rounds: { type: "string", default: "3" },
      check: { type: "boolean", default: false },
    },
  });
  exitOnSignals();
  const runner = createResumableRunner({
    clock,
    events: EVENTS,
    eventsPerSecond: EVENTS_PER_SECOND,
  });
  const answer = getRequestListener(
    async (request) => {
      const { headers, method, signal, url } = request;
      const body = method === "POST" ? await request.text() : null;
      return runner.fetch(url, { headers, method, signal, body });
    },
    { overrideGlobalObjects: false },
  );
  const server = createServer((request, response) => void answer(request, response));
  const runnerPort = await listenOnLoopback(server);
  progress("starting three replicas, S3 and NATS");
  const cluster = await startCluster({ replicas: 3, runnerPort, limitBytes: MEMORY_BYTES });
  const rows: Row[] = [];
  try {
    for (const signal of ["SIGTERM", "SIGKILL"] as const) {
      const gaps: number[] = [];
      for (let round = 0; round < Number(values.rounds); round++) {
        gaps.push(await measure(cluster, signal, `${signal.toLowerCase()}-${round}`));
        progress(`${signal}: ${gaps.at(-1)} ms`);
      }
      const measurement = `no event at another replica's viewer after ${signal}`;
      const shortest = Math.min(...gaps);
      rows.push({ measurement, size: "shortest", value: shortest, unit: "ms" });
      const value = Math.max(...gaps);
      rows.push(atMost(LIMITS_MS[signal], { measurement, size: "longest", value, unit: "ms" }));
    }
  } finally {
    await cluster.close();
    server.closeAllConnections();
    server.close();
  }
  process.stdout.write(`${formatTable(rows)}\n`);
  if (values.check && rows.some(({ ok }) => ok === false)) process.exitCode = 1;
}

await main();
