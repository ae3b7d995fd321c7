// The soak: a server in a small memory group under everything at once, judged by what it lost.
import { statfs } from "node:fs/promises";
import { tmpdir } from "node:os";
import { parseArgs } from "node:util";
import { exitOnSignals } from "./bench/child-script.ts";
import { formatNumber } from "./bench/row.ts";
import { neededMegabytes } from "./soak/plan.ts";
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
  npm run soak -- --seed S`;

const MEBIBYTE = 1024 * 1024;
const MEGABYTE = 1_000_000;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      minutes: { type: "string", default: "3" },
      largest: { type: "string", default: "1000" },
      viewers: { type: "string", default: "1000" },
      rate: { type: "string", default: "4" },
      "kill-every": { type: "string", default: "60" },
      relays: { type: "boolean", default: false },
      memory: { type: "string", default: "512" },
      seed: { type: "string", default: String(Math.trunc(Math.random() * 2 ** 31)) },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    process.stdout.write(`${HELP}\n`);
    return;
  }
  exitOnSignals();
  await assertRoom(Number(values.largest));
  process.stderr.write(`seed ${values.seed}\n`);
  const result = await soak({
    minutes: Number(values.minutes),
    seed: Number(values.seed),
    largest: Number(values.largest),
    viewers: Number(values.viewers),
    eventsPerSecond: Number(values.rate),
    killEverySeconds: Number(values["kill-every"]),
    relays: values.relays,
    limitBytes: Number(values.memory) * MEBIBYTE,
    progress: (text) => void process.stderr.write(`${text}\n`),
  });
  process.stdout.write(`${table(result)}\n`);
  for (const text of result.violations) process.stdout.write(`  ${text}\n`);
  if (result.violations.length > 0) process.exitCode = 1;
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
