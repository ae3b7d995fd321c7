import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { startScript } from "./child-script.ts";
import { createDataDir, sessionPath } from "./data-dir.ts";
import { startRelay } from "./relay-process.ts";
import { type ReturningViewer, watchReturning } from "./returning-viewer.ts";
import { atMost, median, type Row } from "./row.ts";
import { startServer } from "./server-process.ts";
import { startRun } from "./start-run.ts";

const RUNS = 40;
const EVENTS_PER_SECOND = 50;
/** Of each run: more than all restarts take. */
const EVENTS = 2_500;
const RESTARTS = 3;
/** How long in ms everything runs before a restart, and after it. */
const SETTLE_MS = 5_000;
const LIMIT_EXIT_MS = 2_000;
const LIMIT_SILENCE_MS = 4_000;
const ALL_SEEN_MS = 120_000;
const START_TIMEOUT_MS = 10_000;

interface Restart {
  readonly exitMs: number;
  /** From the signal until it answers again. */
  readonly awayMs: number;
  /** What the start of a server without sessions takes then: on a busy machine most of the rest. */
  readonly emptyStartMs: number;
  /** The longest time without an event, of each viewer. */
  readonly silencesMs: readonly number[];
}

/** What a restart of the server means for whoever watches: runs behind a relay, stopped by SIGTERM, started on disk. */
export async function measureRestart(): Promise<Row[]> {
  const data = await createDataDir();
  const agent = startScript<{ port: number }>(
    new URL("./fake-runner-process.ts", import.meta.url),
    { events: EVENTS, eventsPerSecond: EVENTS_PER_SECOND },
  );
  try {
    const { port: agentPort } = await agent.next(START_TIMEOUT_MS);
    const relay = await startRelay(agentPort, join(data.dir, "spool"));
    try {
      return await restartUnderLoad(data.dir, relay.port);
    } finally {
      await relay.stop();
    }
  } finally {
    await agent.stop();
    await data.remove();
  }
}

async function restartUnderLoad(dataDir: string, relayPort: number): Promise<Row[]> {
  const env = { RUNNER_URL: `http://127.0.0.1:${relayPort}/` };
  let server = await startServer({ dataDir, env });
  const { port } = server;
  const paths = Array.from({ length: RUNS }, (_, run) => sessionPath(`restarted-${run}`));
  const viewers = paths.map((path) => watchReturning(port, `${path}/agui/events?view=raw`));
  const restarts: Restart[] = [];
  try {
    for (const path of paths) await startRun(port, path);
    for (let count = 0; count < RESTARTS; count++) {
      await sleep(SETTLE_MS);
      for (const viewer of viewers) viewer.takeLongestSilence();
      const startMs = performance.now();
      await server.stop();
      const exitMs = performance.now() - startMs;
      server = await startServer({ dataDir, env, port });
      const awayMs = performance.now() - startMs;
      await sleep(SETTLE_MS);
      const silencesMs = viewers.map((one) => one.takeLongestSilence());
      restarts.push({ exitMs, awayMs, emptyStartMs: await timeEmptyStart(), silencesMs });
    }
    await waitForAll(viewers);
  } finally {
    for (const viewer of viewers) viewer.stop();
    await server.stop();
  }
  return rowsOf(restarts, viewers);
}

async function timeEmptyStart(): Promise<number> {
  const data = await createDataDir();
  const startMs = performance.now();
  const server = await startServer({ dataDir: data.dir });
  const tookMs = performance.now() - startMs;
  await server.stop();
  await data.remove();
  return tookMs;
}

async function waitForAll(viewers: readonly ReturningViewer[]): Promise<void> {
  const deadlineMs = performance.now() + ALL_SEEN_MS;
  // what was seen until then is worth a row even if it is not all
  while (viewers.some(({ inOrder }) => inOrder < EVENTS) && performance.now() < deadlineMs)
    await sleep(100);
}

function rowsOf(restarts: readonly Restart[], viewers: readonly ReturningViewer[]): Row[] {
  const size = `${RUNS} runs, ${EVENTS_PER_SECOND} events/s each`;
  const silences = restarts.flatMap(({ silencesMs }) => silencesMs);
  const seen = viewers.reduce((sum, { inOrder }) => sum + inOrder, 0);
  const all = RUNS * EVENTS;
  const unit = "ms";
  return [
    atMost(LIMIT_EXIT_MS, {
      measurement: "restart, exit, longest",
      size,
      value: Math.max(...restarts.map(({ exitMs }) => exitMs)),
      unit,
    }),
    {
      measurement: "restart, until it answers again, median",
      size,
      value: median(restarts.map(({ awayMs }) => awayMs)),
      unit,
    },
    {
      measurement: "restart, start of an empty server, median",
      size,
      value: median(restarts.map(({ emptyStartMs }) => emptyStartMs)),
      unit,
    },
    { measurement: "restart, time without events, p50", size, value: median(silences), unit },
    atMost(LIMIT_SILENCE_MS, {
      measurement: "restart, time without events, longest",
      size,
      value: Math.max(...silences),
      unit,
    }),
    {
      measurement: "restart, seen in order",
      size,
      value: seen,
      unit: "events",
      limit: `= ${all.toLocaleString("en")} events`,
      ok: seen === all,
    },
  ];
}
