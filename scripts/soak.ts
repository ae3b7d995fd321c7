// The soak: a server in a small memory group under everything at once, judged by what it lost.
import { statfs } from "node:fs/promises";
import { tmpdir } from "node:os";
import { parseArgs } from "node:util";
import { exitOnSignals } from "./bench/child-script.ts";
import { formatNumber } from "./bench/row.ts";
import { neededMegabytes } from "./soak/plan.ts";
import { soakReplicas } from "./soak/replicas/soak.ts";
import { formatReplicaSoak } from "./soak/replicas/table.ts";
import { formatCounts, formatLines, loopDelays, mebibytes, memoryCurve } from "./soak/report.ts";
import { soak, type SoakResult } from "./soak/soak.ts";

const HELP = `Runs the server in a memory group of 512 MiB under load and faults, and checks that nothing is lost.

200 sessions with logs of 1 MB to 1 GB, 40 of which have a run all the time; 1,000 live viewers; fast,
slow, stalled, vanishing and half-open clients; condensed views, snapshots and clients of the standard;
exports and lists; archives that are read and brought back; runners that die; one kill -9 a minute.
Every stream of the raw log that anybody saw is held against the log, the others by their order: exits
with 1 on any violation.

  npm run soak                          three minutes
  npm run soak -- --minutes N           longer
  npm run soak -- --largest MB          no log larger than that (1000 needs 7.2 GB of disk)
  npm run soak -- --viewers N           live viewers (1000)
  npm run soak -- --rate N              events a second of each running session (4)
  npm run soak -- --kill-every SECONDS  (60)
  npm run soak -- --relays              half of the runs through relays: none of them may fail
  npm run soak -- --memory MIB          (512)
  npm run soak -- --seed S

With --replicas, servers on one S3 bucket that hear of each other by NATS, behind nginx, with sessions that
are empty at first. Replicas are killed, and rolled over by SIGTERM, one at a time; half of the viewers come
through nginx, as posts and all other clients do, the others go to each replica. An answer of 5xx is a
violation unless its request was in flight at a replica that was killed, or posted to one that was stopping
(503) or that nginx could not reach: nginx does not look at /ready. Those are counted. S3 is miniflare's, or what S3_TEST_ENDPOINT, S3_TEST_ACCESS_KEY and
S3_TEST_SECRET_KEY say. Needs nats-server (scripts/nats/install.sh) and nginx.

  npm run soak -- --replicas N
  npm run soak -- --replicas N --sessions N          (60)
  npm run soak -- --replicas N --running N           sessions with a run at a time (12)
  npm run soak -- --replicas N --roll-every SECONDS  (30)
  --minutes, --viewers (60), --rate, --kill-every, --relays, --memory (of each) and --seed as above`;

const MEBIBYTE = 1024 * 1024;
const MEGABYTE = 1_000_000;
const VIEWERS = 1_000;
const REPLICA_VIEWERS = 60;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      minutes: { type: "string", default: "3" },
      largest: { type: "string", default: "1000" },
      viewers: { type: "string" },
      rate: { type: "string", default: "4" },
      "kill-every": { type: "string", default: "60" },
      relays: { type: "boolean", default: false },
      memory: { type: "string", default: "512" },
      replicas: { type: "string", default: "1" },
      sessions: { type: "string", default: "60" },
      running: { type: "string", default: "12" },
      "roll-every": { type: "string", default: "30" },
      seed: { type: "string", default: String(Math.trunc(Math.random() * 2 ** 31)) },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    process.stdout.write(`${HELP}\n`);
    return;
  }
  exitOnSignals();
  process.stderr.write(`seed ${values.seed}\n`);
  const shared = {
    minutes: Number(values.minutes),
    seed: Number(values.seed),
    eventsPerSecond: Number(values.rate),
    killEverySeconds: Number(values["kill-every"]),
    relays: values.relays,
    limitBytes: Number(values.memory) * MEBIBYTE,
    progress: (text: string) => void process.stderr.write(`${text}\n`),
  };
  const replicas = Number(values.replicas);
  if (replicas > 1) {
    const result = await soakReplicas({
      ...shared,
      replicas,
      viewers: Number(values.viewers ?? REPLICA_VIEWERS),
      sessions: Number(values.sessions),
      running: Number(values.running),
      rollEverySeconds: Number(values["roll-every"]),
    });
    tell(formatReplicaSoak(result), result.violations);
    return;
  }
  const largest = Number(values.largest);
  await assertRoom(largest);
  const result = await soak({ ...shared, largest, viewers: Number(values.viewers ?? VIEWERS) });
  tell(table(result), result.violations);
}

function tell(lines: string, violations: readonly string[]): void {
  process.stdout.write(`${lines}\n`);
  for (const text of violations) process.stdout.write(`  ${text}\n`);
  if (violations.length > 0) process.exitCode = 1;
}

async function assertRoom(largest: number): Promise<void> {
  const { bavail, bsize } = await statfs(tmpdir());
  const needed = neededMegabytes(largest) * MEGABYTE;
  if (bavail * bsize < needed)
    throw new Error(`${tmpdir()} has no ${needed / MEGABYTE} MB to spare; --largest takes less`);
}

function table({ server, runs, viewers, clients, group, ...rest }: SoakResult): string {
  const { delays } = viewers;
  const countOf = (sessions: Iterable<string>): number =>
    [...sessions].reduce((sum, session) => sum + (runs.accepted.get(session)?.length ?? 0), 0);
  const accepted = countOf(runs.accepted.keys());
  return formatLines([
    ["resident memory", memoryCurve(server.samples)],
    ["  highest", mebibytes(server.peakBytes)],
    [
      "memory group",
      group === null
        ? "none on this machine"
        : `peak with page cache ${mebibytes(group.peakBytes)}, killed ${group.oomKills} times`,
    ],
    ["event loop", loopDelays(server.samples)],
    [
      "delivery",
      `p50 ${delays.p50Ms} ms, p99 ${delays.p99Ms} ms, highest ${formatNumber(delays.maxMs)} ms, of ${formatNumber(delays.count)} events`,
    ],
    [
      "runs",
      `${formatNumber(accepted)} accepted, ${formatNumber(runs.finished)} finished; posts ${formatCounts(runs.answers)}`,
    ],
    ["  through relays", `${formatNumber(countOf(rest.relayed))} accepted`],
    [
      "live viewers",
      `${formatNumber(viewers.events)} events seen; connections ${formatCounts(viewers.answers)}`,
    ],
    ["other clients", formatCounts(clients.counts)],
    ["kill -9", String(server.kills)],
    [
      "checked",
      `${rest.rangesChecked.toLocaleString("en")} streams against ${rest.logsChecked} logs`,
    ],
    [
      "verdict",
      rest.violations.length === 0 ? "no violation" : `${rest.violations.length} VIOLATIONS`,
    ],
  ]);
}

try {
  await main();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
  process.exitCode = 1;
}
