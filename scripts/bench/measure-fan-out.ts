import { startScript } from "./child-script.ts";
import { createDataDir, sessionPath } from "./data-dir.ts";
import type { ViewersReady, ViewersResult } from "./fan-out-viewers.ts";
import { readAgain } from "./read-again.ts";
import { atMost, type Row } from "./row.ts";
import { startServer } from "./server-process.ts";
import { startRun } from "./start-run.ts";

const VIEWERS = 500;
const EVENTS_PER_SECOND = 200;
const SECONDS = 20;
const EVENTS = EVENTS_PER_SECOND * SECONDS;
const LIMIT_P99_MS = 250;
const PATH = sessionPath("fan-out");
const START_TIMEOUT_MS = 20_000;
/** How long the viewers may take for what the runner sends in `SECONDS`. */
const VIEWERS_TIMEOUT_MS = 60_000;

/** One live run at a steady rate, seen by many viewers, each checking that it sees every event whole, once and in order. */
export async function measureFanOut(): Promise<Row[]> {
  const data = await createDataDir();
  const runner = startScript<{ port: number }>(
    new URL("./fake-runner-process.ts", import.meta.url),
    { events: EVENTS, eventsPerSecond: EVENTS_PER_SECOND },
  );
  try {
    const { port: runnerPort } = await runner.next(START_TIMEOUT_MS);
    const server = await startServer({ dataDir: data.dir, runnerPort });
    try {
      const seen = await watchRun(server.port);
      return toRows(seen, await readAgain(server.port, PATH));
    } finally {
      await server.stop();
    }
  } finally {
    await runner.stop();
    await data.remove();
  }
}

async function watchRun(port: number): Promise<ViewersResult> {
  const viewers = startScript<ViewersReady | ViewersResult>(
    new URL("./fan-out-viewers.ts", import.meta.url),
    {
      port,
      path: `${PATH}/agui/events?view=raw`,
      viewers: VIEWERS,
      events: EVENTS,
      timeoutMs: VIEWERS_TIMEOUT_MS,
    },
  );
  try {
    await viewers.next(START_TIMEOUT_MS);
    await startRun(port, PATH);
    const result = await viewers.next(VIEWERS_TIMEOUT_MS + START_TIMEOUT_MS);
    if ("ready" in result) throw new Error("the viewers were ready twice");
    return result;
  } finally {
    await viewers.stop();
  }
}

function toRows(result: ViewersResult, inOrderAgain: number): Row[] {
  const size = `${VIEWERS} viewers`;
  const delay = { measurement: "fan-out, delay", size, unit: "ms" };
  return [
    { ...delay, measurement: "fan-out, delay p50", value: result.p50Ms },
    atMost(LIMIT_P99_MS, { ...delay, measurement: "fan-out, delay p99", value: result.p99Ms }),
    { ...delay, measurement: "fan-out, delay max", value: result.maxMs },
    atMost(0, { measurement: "fan-out, gaps", size, value: result.breaks, unit: "gaps" }),
    {
      measurement: "fan-out, complete",
      size,
      value: result.complete,
      unit: "viewers",
      limit: `= ${VIEWERS} viewers`,
      ok: result.complete === VIEWERS,
    },
    {
      measurement: "fan-out, in order when read again",
      size: "1 viewer",
      value: inOrderAgain,
      unit: "events",
      limit: `= ${EVENTS.toLocaleString("en")} events`,
      ok: inOrderAgain === EVENTS,
    },
  ];
}
