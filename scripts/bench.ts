// The benchmark: measures the server as `npm start` runs it and says which lines it meets.
import { parseArgs } from "node:util";
import { exitOnSignals } from "./bench/child-script.ts";
import { createDataDir, type DataDir } from "./bench/data-dir.ts";
import { type GeneratedLog, generateLog } from "./bench/generate-log.ts";
import { measureAdoption } from "./bench/measure-adoption.ts";
import { measureCompaction } from "./bench/measure-compaction.ts";
import { measureCosts } from "./bench/measure-costs.ts";
import { measureExport } from "./bench/measure-export.ts";
import { measureFanOut } from "./bench/measure-fan-out.ts";
import { measureFirstEvent } from "./bench/measure-first-event.ts";
import { measureFirstPaint } from "./bench/measure-first-paint.ts";
import { measureIngest, measureNotes } from "./bench/measure-ingest.ts";
import { measureInspector } from "./bench/measure-inspector.ts";
import { measureLogging } from "./bench/measure-logging.ts";
import { measureIdle, measureMemory } from "./bench/measure-memory.ts";
import { measurePages } from "./bench/measure-pages.ts";
import { measureRestart } from "./bench/measure-restart.ts";
import { measureRelay } from "./bench/measure-relay.ts";
import { measureReplay } from "./bench/measure-replay.ts";
import { measureRepeats } from "./bench/measure-repeats.ts";
import { measureResume } from "./bench/measure-resume.ts";
import { measureTextOrBytes } from "./bench/measure-text-or-bytes.ts";
import { measureRuns } from "./bench/measure-runs.ts";
import { measureSnapshot } from "./bench/measure-snapshot.ts";
import { progress } from "./bench/progress.ts";
import { measureFork } from "./bench/measure-fork.ts";
import { type Reading, startReading } from "./bench/reading.ts";
import { formatTable, writeResults } from "./bench/report.ts";
import { failedRow, type Row } from "./bench/row.ts";
import { ServerStartError } from "./bench/server-process.ts";

const SIZES = [5, 50, 500];
const QUICK_SIZES = [5, 50];

/** The measurements that share a server; the first must be the one that meets unopened logs. */
const READING: Readonly<Record<string, (reading: Reading) => Promise<Row[]>>> = {
  "first-event": measureFirstEvent,
  resume: measureResume,
  pages: measurePages,
  replay: measureReplay,
  export: measureExport,
};

/** The measurements that start a server of their own. */
const OWN_SERVER: Readonly<Record<string, (data: DataDir, rows?: string) => Promise<Row[]>>> = {
  idle: measureIdle,
  memory: measureMemory,
  ingest: measureIngest,
  notes: measureNotes,
  "fan-out": measureFanOut,
  adoption: measureAdoption,
  compaction: measureCompaction,
  "first-paint": measureFirstPaint,
  repeats: measureRepeats,
  relay: measureRelay,
  runs: measureRuns,
  snapshot: measureSnapshot,
  fork: measureFork,
  restart: measureRestart,
  inspector: measureInspector,
  logging: measureLogging,
  growth: (_, rows) => measureCosts(rows),
  "text-or-bytes": measureTextOrBytes,
};

const NAMES: readonly string[] = [...Object.keys(READING), ...Object.keys(OWN_SERVER)];

const HELP = `Measures the server that "npm start" starts, on logs of ${SIZES.join(", ")} MB.

  npm run bench                     everything; writes docs/bench/results.json
  npm run bench -- --quick          logs of ${QUICK_SIZES.join(" and ")} MB only; writes nothing
  npm run bench -- --only a,b       only these; writes nothing
                                    ${NAMES.join(", ")}
  npm run bench -- --only growth --rows text
                                    of those that grow the ones with "text" in their name
  npm run bench -- --check          exits with 1 if a line is missed`;

async function attempt(name: string, measure: () => Promise<Row[]>): Promise<Row[]> {
  progress(`measuring ${name}`);
  try {
    return await measure();
  } catch (error) {
    if (error instanceof ServerStartError) throw error;
    progress(`${name} failed: ${String(error)}`);
    return [failedRow(name, error)];
  }
}

async function measureAll(
  data: DataDir,
  wanted: (name: string) => boolean,
  ofGrowth?: string,
): Promise<Row[]> {
  const rows: Row[] = [];
  const reading = Object.entries(READING).filter(([name]) => wanted(name));
  if (reading.length > 0) {
    const servers = await startReading(data);
    try {
      for (const [name, measure] of reading)
        rows.push(...(await attempt(name, () => measure(servers))));
    } finally {
      await servers.stop();
    }
  }
  for (const [name, measure] of Object.entries(OWN_SERVER))
    if (wanted(name)) rows.push(...(await attempt(name, () => measure(data, ofGrowth))));
  return rows;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      check: { type: "boolean", default: false },
      quick: { type: "boolean", default: false },
      only: { type: "string" },
      rows: { type: "string" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    process.stdout.write(`${HELP}\n`);
    return;
  }
  const only = values.only?.split(",") ?? NAMES;
  const unknown = only.filter((name) => !NAMES.includes(name));
  if (unknown.length > 0)
    throw new TypeError(`no such measurement: ${unknown.join(", ")}\n${HELP}`);
  exitOnSignals();

  const logs: GeneratedLog[] = [];
  for (const megabytes of values.quick ? QUICK_SIZES : SIZES) {
    progress(`preparing a log of ${megabytes} MB`);
    logs.push(await generateLog(megabytes));
  }
  const data = await createDataDir(logs);
  try {
    const rows = await measureAll(data, (name) => only.includes(name), values.rows);
    process.stdout.write(`${formatTable(rows)}\n`);
    if (!values.quick && values.only === undefined) await writeResults(rows);
    if (values.check && rows.some(({ ok }) => ok === false)) process.exitCode = 1;
  } finally {
    await data.remove();
  }
}

try {
  await main();
} catch (error) {
  progress(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
