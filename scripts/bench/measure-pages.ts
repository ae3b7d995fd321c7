import { growthRow } from "./growth.ts";
import { type Reading, timeGet } from "./reading.ts";
import type { LogSession } from "./data-dir.ts";
import { atMost, median, type Row } from "./row.ts";

const LIMIT_MS = 20;
const ROUNDS = 5;
const EVENTS = 100;

/** Time to the whole page with a log's last events. */
export async function measurePages(reading: Reading): Promise<Row[]> {
  const rows: Row[] = [];
  const medians: { session: LogSession; ms: number }[] = [];
  const { port } = reading.server;
  for (const session of reading.data.sessions) {
    // the condensed view would have the log compacted while it is measured
    const path = `${session.path}/agui/events/page?view=raw&limit=${EVENTS}`;
    await timeGet({ port, path });
    const times: number[] = [];
    for (let round = 0; round < ROUNDS; round += 1) times.push(await timeGet({ port, path }));
    const ms = median(times);
    medians.push({ session, ms });
    const size = `${session.log.megabytes} MB`;
    rows.push(atMost(LIMIT_MS, { measurement: "last page", size, value: ms, unit: "ms" }));
  }
  return [...rows, ...growthRow("last page, growth", medians)];
}
