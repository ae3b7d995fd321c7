import type { LogSession } from "./data-dir.ts";
import { within } from "./deadline.ts";
import { growthRow } from "./growth.ts";
import { openHttpStream } from "./http-stream.ts";
import { type Reading, requireOk } from "./reading.ts";
import { atMost, median, type Row } from "./row.ts";

const LIMIT_MS = 20;
const ROUNDS = 5;
const HEAD_TIMEOUT_MS = 20_000;

/** Time from the connect to the response head for a client that has seen the whole log. */
export async function measureResume(reading: Reading): Promise<Row[]> {
  const rows: Row[] = [];
  const medians: { session: LogSession; ms: number }[] = [];
  for (const session of reading.data.sessions) {
    await resumeMs(reading, session);
    const times: number[] = [];
    for (let round = 0; round < ROUNDS; round += 1) times.push(await resumeMs(reading, session));
    const ms = median(times);
    medians.push({ session, ms });
    const size = `${session.log.megabytes} MB`;
    rows.push(atMost(LIMIT_MS, { measurement: "resume at end", size, value: ms, unit: "ms" }));
  }
  return [...rows, ...growthRow("resume at end, growth", medians)];
}

async function resumeMs(reading: Reading, session: LogSession): Promise<number> {
  // the condensed view would have the log compacted while it is measured
  const path = `${session.path}/agui/events?view=raw`;
  const startedAtMs = performance.now();
  const stream = openHttpStream({
    port: reading.server.port,
    path,
    headers: { "Last-Event-ID": session.endCursor },
  });
  try {
    const head = await within(stream.head, HEAD_TIMEOUT_MS, `response head of ${path}`);
    const tookMs = performance.now() - startedAtMs;
    requireOk(head, path);
    return tookMs;
  } finally {
    stream.close();
  }
}
