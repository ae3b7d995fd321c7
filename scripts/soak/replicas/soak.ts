import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { type ChildScript, startScript } from "../../bench/child-script.ts";
import { createDataDir, sessionPath } from "../../bench/data-dir.ts";
import { checkLog } from "../check-log.ts";
import type { ClientsReport } from "../clients-process.ts";
import { type FailedAnswer, formatFailure } from "../failed-answer.ts";
import { keepRunning, type KeptRuns } from "../keep-running.ts";
import { explainFailure, type FailureCause, unexplainedEnds } from "../outages.ts";
import type { RunnerReady, RunOver } from "../runner-process.ts";
import type { SeenRange } from "../stream-checker.ts";
import type { ViewersReport, WatchedSession } from "../viewers-process.ts";
import type { WorkloadSession } from "../workload.ts";
import { type Cluster, startCluster } from "./cluster.ts";
import { disturb } from "./disturb.ts";
import { fetchLogs, type StoredLog } from "./stored-logs.ts";

export interface ReplicaSoakOptions {
  readonly replicas: number;
  readonly minutes: number;
  readonly seed: number;
  readonly sessions: number;
  /** How many of them have a run at a time. */
  readonly running: number;
  readonly viewers: number;
  /** Of each run. */
  readonly eventsPerSecond: number;
  readonly killEverySeconds: number;
  readonly rollEverySeconds: number;
  /** Whether the agents of every second session are behind a relay: then none of their runs may fail. */
  readonly relays: boolean;
  /** Of memory, for each replica. */
  readonly limitBytes: number;
  readonly progress: (text: string) => void;
}

/** What came of one replica. */
export interface ReplicaResult {
  readonly samples: Cluster["replicas"][number]["server"]["samples"];
  readonly peakBytes: number;
  readonly outages: Cluster["replicas"][number]["server"]["outages"];
  /** Null where the machine has no memory groups. */
  readonly group: { readonly peakBytes: number; readonly oomKills: number } | null;
}

export interface ReplicaSoakResult {
  readonly replicas: readonly ReplicaResult[];
  readonly runs: KeptRuns;
  readonly relayed: ReadonlySet<string>;
  readonly viewers: ViewersReport;
  readonly clients: ClientsReport;
  /** Answers of 5xx by what they came of. */
  readonly failures: Readonly<Record<FailureCause, number>>;
  readonly logsChecked: number;
  readonly bytesChecked: number;
  readonly rangesChecked: number;
  readonly violations: readonly string[];
}

const MAX_LISTED = 50;
const CHILD_START_MS = 60_000;
/** Viewers give up by themselves when nothing moves. */
const VIEWERS_MS = 900_000;

/**
 * Kinds of clients at work, one of each: those that take part of a log that is still short. A list asks the bucket for each
 * session, which more clients would make all that it does.
 */
const WORKLOADS = [
  "fast replays",
  "vanishing replays",
  "exports of lines",
  "exports of documents",
  "lists",
  "default views",
  "snapshot views",
  "connects",
];

/** Runs a soak of several servers on one bucket, from an empty one to the verdict. */
export async function soakReplicas(options: ReplicaSoakOptions): Promise<ReplicaSoakResult> {
  const names = Array.from({ length: options.sessions }, (_, index) => `s${index}`);
  const relayed = names.filter((_, index) => options.relays && index % 2 === 1);
  const files = await createDataDir();
  const { seed, eventsPerSecond } = options;
  const runner = startScript<RunnerReady | RunOver>(
    new URL("../runner-process.ts", import.meta.url),
    { seed, eventsPerSecond, relayed, spoolDir: join(files.dir, "spools") },
  );
  let cluster: Cluster | undefined;
  try {
    const { port: runnerPort = 0 }: Partial<RunnerReady> = Object(
      await runner.next(CHILD_START_MS),
    );
    options.progress(`starting ${options.replicas} replicas, S3, NATS and nginx`);
    const { replicas, limitBytes } = options;
    cluster = await startCluster({ replicas, runnerPort, limitBytes });
    return await watched(options, {
      cluster,
      sessions: names.map((name) => ({ name, path: sessionPath(name) })),
      relayed: new Set(relayed),
      runner: runner as ChildScript<RunOver>,
      dir: files.dir,
    });
  } finally {
    await cluster?.close();
    await runner.stop();
    await files.remove();
  }
}

interface Scene {
  readonly cluster: Cluster;
  readonly sessions: readonly { readonly name: string; readonly path: string }[];
  readonly relayed: ReadonlySet<string>;
  readonly runner: ChildScript<RunOver>;
  /** For files. */
  readonly dir: string;
}

async function watched(options: ReplicaSoakOptions, scene: Scene): Promise<ReplicaSoakResult> {
  const { cluster, sessions, relayed, runner } = scene;
  const servers = cluster.replicas.map(({ server }) => server);
  const children = startClients(options, scene);
  const leaving = new AbortController();
  try {
    const { port } = cluster;
    const { signal } = leaving;
    const runs = keepRunning({ port, sessions, runner, atOnce: options.running, signal });
    await disturb(servers, options);
    options.progress("no more runs; waiting until everything has come to its end");
    const stopping = runs.stop().then(
      () => [],
      (error: unknown) => [String(error)],
    );
    children.clients.send("stop");
    const clients = await children.clients.next(VIEWERS_MS);
    const stuck = await stopping;
    const dir = join(scene.dir, "logs");
    await mkdir(dir);
    const ports = cluster.replicas.map((replica) => replica.port);
    const logs = await fetchLogs(ports, sessions, dir);
    children.viewers.send({ ends: Object.fromEntries(logs.map((log) => [log.name, log.bytes])) });
    const viewers = await children.viewers.next(VIEWERS_MS);
    options.progress("checking what was seen against what is stored");
    const seen = [...viewers.seen, ...clients.seen];
    const checked = await checkLogs(logs, { runs, relayed, seen });
    const replicas = await Promise.all(cluster.replicas.map(resultOf));
    const failed = explainAll(
      [...runs.failures, ...viewers.failures, ...clients.failures],
      replicas,
    );
    return {
      replicas,
      runs,
      relayed,
      viewers,
      clients,
      failures: failed.counts,
      logsChecked: logs.length,
      bytesChecked: logs.reduce((sum, { bytes }) => sum + bytes, 0),
      rangesChecked: seen.length,
      violations: [
        ...servers.flatMap(({ violations }) => violations),
        ...stuck,
        ...replicas.flatMap((replica) => memoryViolations(replica, options.limitBytes)),
        ...viewers.violations,
        ...clients.violations,
        ...unexplainedEnds(
          clients.endedEarly,
          replicas.flatMap(({ outages }) => outages),
        ),
        ...failed.unexplained,
        ...checked,
      ].slice(0, MAX_LISTED),
    };
  } finally {
    leaving.abort();
    await Promise.all([children.viewers.stop(), children.clients.stop()]);
  }
}

/** Half of the viewers and all other clients come through nginx, the other viewers to each replica. */
function startClients({ viewers, seed }: ReplicaSoakOptions, { cluster, sessions }: Scene) {
  const each = Math.ceil(viewers / sessions.length);
  const watchedSessions: WatchedSession[] = sessions.map(({ name, path }) => ({
    name,
    path,
    endCursor: null,
    viewers: each,
  }));
  const workloadSessions: WorkloadSession[] = sessions.map(({ name, path }) => ({
    name,
    path,
    megabytes: 0,
    isResting: false,
  }));
  return {
    viewers: startScript<ViewersReport>(new URL("../viewers-process.ts", import.meta.url), {
      ports: cluster.replicas.flatMap(({ port }) => [cluster.port, port]),
      seed,
      sessions: watchedSessions,
    }),
    clients: startScript<ClientsReport>(new URL("../clients-process.ts", import.meta.url), {
      port: cluster.port,
      seed,
      sessions: workloadSessions,
      workloads: WORKLOADS,
      mostOfEach: 1,
    }),
  };
}

async function resultOf({ server, group }: Cluster["replicas"][number]): Promise<ReplicaResult> {
  return {
    samples: server.samples,
    peakBytes: server.peakBytes,
    outages: server.outages,
    group: group && { peakBytes: await group.peakBytes(), oomKills: await group.oomKills() },
  };
}

function explainAll(failures: readonly FailedAnswer[], replicas: readonly ReplicaResult[]) {
  const outages = replicas.flatMap((replica) => replica.outages);
  const counts: Record<FailureCause, number> = {
    killed: 0,
    "passed-on": 0,
    stopping: 0,
    refused: 0,
    unexplained: 0,
  };
  const unexplained: string[] = [];
  for (const failure of failures) {
    const cause = explainFailure(failure, outages);
    counts[cause] += 1;
    if (cause === "unexplained") unexplained.push(formatFailure(failure));
  }
  return { counts, unexplained };
}

async function checkLogs(
  logs: readonly StoredLog[],
  {
    runs,
    relayed,
    seen,
  }: {
    readonly runs: KeptRuns;
    readonly relayed: ReadonlySet<string>;
    readonly seen: readonly { readonly session: string; readonly range: SeenRange }[];
  },
): Promise<string[]> {
  const violations: string[] = [];
  for (const { name, file, logId } of logs) {
    const found = await checkLog({
      file,
      logId,
      from: 0,
      accepted: runs.accepted.get(name) ?? [],
      mustSurvive: relayed.has(name),
      seen: seen.filter(({ session }) => session === name).map(({ range }) => range),
    });
    violations.push(...found.map((text) => `${name}: ${text}`));
  }
  return violations;
}

function memoryViolations({ peakBytes, group }: ReplicaResult, limitBytes: number): string[] {
  const violations: string[] = [];
  if (peakBytes > limitBytes) violations.push(`resident memory reached ${peakBytes} bytes`);
  if (group !== null && group.oomKills > 0)
    violations.push(`killed for want of memory ${group.oomKills} times`);
  return violations;
}
