import type { DataDir } from "./data-dir.ts";
import { atMost, type Row } from "./row.ts";
import { startServer } from "./server-process.ts";

const LIMIT_MEBIBYTES = 64;
const MEBIBYTE = 1024 * 1024;

/** How long it takes to fork a session at its end, and what memory above that of a server which does nothing. */
export async function measureFork(data: DataDir): Promise<Row[]> {
  const rows: Row[] = [];
  for (const { endCursor, log, path } of data.sessions) {
    const server = await startServer({ dataDir: data.dir });
    try {
      const { peakBytes: idleBytes } = await server.memory();
      const startedAtMs = performance.now();
      const response = await fetch(`http://127.0.0.1:${server.port}${path}/fork`, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ at: endCursor }),
      });
      const ms = performance.now() - startedAtMs;
      if (response.status !== 201) throw new Error(`${path}/fork answered ${response.status}`);
      const { cursor } = (await response.json()) as { cursor: string };
      if (!cursor.endsWith(`-r${log.bytes}`)) throw new Error(`the fork ends at ${cursor}`);
      const { peakBytes } = await server.memory();
      const size = `${log.megabytes} MB`;
      const value = (peakBytes - idleBytes) / MEBIBYTE;
      rows.push(
        { measurement: "fork", size, value: ms, unit: "ms" },
        atMost(LIMIT_MEBIBYTES, { measurement: "fork, memory", size, value, unit: "MiB" }),
      );
    } finally {
      await server.stop();
    }
  }
  return rows;
}
