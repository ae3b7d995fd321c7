import { compactOnDisk } from "./compact-log-file.ts";
import { createDataDir } from "./data-dir.ts";
import { keyframesOnDisk } from "./keyframes-on-disk.ts";
import { generateRuns } from "./generate-log.ts";
import { timeGet } from "./reading.ts";
import { atMost, type Row } from "./row.ts";
import { startServer } from "./server-process.ts";

const LIMIT_MS = 1_000;
const RUNS = [25, 250, 2_500];
const MEBIBYTE = 1024 * 1024;
const PLACES = [0.25, 0.5, 0.75, 1];

/** What a client had at places of a session with many compacted runs, of 5, 50 and 500 MB. */
export async function measureSnapshot(): Promise<Row[]> {
  const logs = [];
  for (const runs of RUNS) logs.push(await generateRuns(runs));
  const data = await createDataDir(logs);
  const rows: Row[] = [];
  try {
    for (const session of data.sessions) {
      const server = await startServer({ dataDir: data.dir });
      try {
        await compactOnDisk(server.port, session);
        const keyframes = await keyframesOnDisk(session);
        const { residentBytes } = await server.memory();
        const size = `${Math.round(session.log.bytes / 1e6)} MB`;
        for (const place of PLACES) {
          const cursor = await cursorAt(server.port, session.path, place);
          const path = `${session.path}/agui/snapshot?at=${cursor}`;
          const value = await timeGet({ port: server.port, path });
          const measurement = `snapshot at ${100 * place} %`;
          rows.push(atMost(LIMIT_MS, { measurement, size, value, unit: "ms" }));
        }
        const { peakBytes } = await server.memory();
        const above = (peakBytes - residentBytes) / MEBIBYTE;
        rows.push(
          { measurement: "snapshot, memory", size, value: Math.max(0, above), unit: "MiB" },
          { measurement: "snapshot, keyframes", size, value: keyframes / 1e6, unit: "MB" },
        );
      } finally {
        await server.stop();
      }
    }
  } finally {
    await data.remove();
  }
  return rows;
}

/** The cursor after the run at a place of the session's runs. */
async function cursorAt(port: number, path: string, place: number): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${port}${path}/runs?limit=10000`);
  const { runs } = (await response.json()) as { runs: { endCursor: string }[] };
  const run = runs.toReversed()[Math.ceil(place * runs.length) - 1];
  if (!run) throw new Error(`${path} has no runs`);
  return run.endCursor;
}
