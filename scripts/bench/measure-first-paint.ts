import { compactOnDisk } from "./compact-log-file.ts";
import { createDataDir, type LogSession } from "./data-dir.ts";
import { generateRuns } from "./generate-log.ts";
import { timeGet } from "./reading.ts";
import { median, type Row } from "./row.ts";
import { startServer } from "./server-process.ts";
import { createEndFinder } from "./sse-client.ts";

const RUNS = [10, 100, 1_000];
const ROUNDS = 3;
const MEGABYTE = 1_000_000;

/** The whole history of sessions with many finished runs, compacted and as it was stored. */
export async function measureFirstPaint(): Promise<Row[]> {
  const logs = [];
  for (const runs of RUNS) logs.push(await generateRuns(runs));
  const data = await createDataDir(logs);
  const rows: Row[] = [];
  try {
    const server = await startServer({ dataDir: data.dir });
    try {
      for (const [index, session] of data.sessions.entries()) {
        const size = `${RUNS[index]?.toLocaleString("en")} runs`;
        const { endCursor } = await compactOnDisk(server.port, session);
        rows.push(...(await paint(server.port, session, { size, view: "condensed", endCursor })));
        const raw = { size, view: "raw", endCursor: session.endCursor };
        rows.push(...(await paint(server.port, session, raw)));
      }
    } finally {
      await server.stop();
    }
  } finally {
    await data.remove();
  }
  return rows;
}

async function paint(
  port: number,
  session: LogSession,
  { size, view, endCursor }: { readonly size: string; readonly view: string; endCursor: string },
): Promise<Row[]> {
  const times: number[] = [];
  let bytes = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    const isEnd = createEndFinder(`id: ${endCursor}\n\n`);
    bytes = 0;
    const enough = (piece: Buffer): boolean => {
      bytes += piece.length;
      return isEnd(piece);
    };
    const query = view === "raw" ? "?view=raw" : "";
    times.push(await timeGet({ port, path: `${session.path}/agui/events${query}`, enough }));
  }
  const measurement = `first paint, ${view}`;
  return [
    { measurement, size, value: median(times), unit: "ms" },
    { measurement, size, value: bytes / MEGABYTE, unit: "MB" },
  ];
}
