import type { LogSession } from "./data-dir.ts";
import type { Reading } from "./reading.ts";
import { timeGet } from "./reading.ts";
import { growthRow } from "./growth.ts";
import { atMost, median, type Row } from "./row.ts";
import { createFrameCounter } from "./sse-client.ts";

const LIMIT_MS = 50;
const ROUNDS = 5;

/**
 * Time from the connect to the first whole event of a replay from the start. The very first request
 * to a session, for which the server must open its log, is a row of its own.
 */
export async function measureFirstEvent(reading: Reading): Promise<Row[]> {
  const rows: Row[] = [];
  const medians: { session: LogSession; ms: number }[] = [];
  for (const session of reading.data.sessions) {
    const size = `${session.log.megabytes} MB`;
    const cold = await firstEventMs(reading, session);
    const warm: number[] = [];
    for (let round = 0; round < ROUNDS; round += 1) warm.push(await firstEventMs(reading, session));
    const ms = median(warm);
    medians.push({ session, ms });
    rows.push({ measurement: "first event, log not open", size, value: cold, unit: "ms" });
    rows.push(atMost(LIMIT_MS, { measurement: "first event", size, value: ms, unit: "ms" }));
  }
  return [...rows, ...growthRow("first event, growth", medians)];
}

function firstEventMs(reading: Reading, session: LogSession): Promise<number> {
  const counter = createFrameCounter();
  return timeGet({
    port: reading.server.port,
    path: `${session.path}/agui/events?view=raw`,
    enough(bytes) {
      counter.add(bytes);
      return counter.events > 0;
    },
  });
}
