import { startScript } from "./child-script.ts";
import { createDataDir, sessionPath } from "./data-dir.ts";
import { createDeferred, within } from "./deadline.ts";
import { openHttpStream } from "./http-stream.ts";
import { requireOk } from "./reading.ts";
import type { Row } from "./row.ts";
import { createSequenceReader } from "./sequence.ts";
import { startServer } from "./server-process.ts";
import { startRun } from "./start-run.ts";

const EVENTS = 1_000_000;
const LIMIT_PER_SECOND = 100_000;
const TIMEOUT_MS = 120_000;
const START_TIMEOUT_MS = 10_000;

/** One run of a million events, sent as fast as they are taken, seen by one viewer. */
export async function measureIngest(): Promise<Row[]> {
  const data = await createDataDir();
  const runner = startScript<{ port: number }>(
    new URL("./fake-runner-process.ts", import.meta.url),
    { events: EVENTS },
  );
  try {
    const { port: runnerPort } = await runner.next(START_TIMEOUT_MS);
    const server = await startServer({ dataDir: data.dir, runnerPort });
    try {
      return await watchRun(server.port);
    } finally {
      await server.stop();
    }
  } finally {
    await runner.stop();
    await data.remove();
  }
}

async function watchRun(port: number): Promise<Row[]> {
  const path = sessionPath("ingest");
  const allSeen = createDeferred<void>();
  let firstAtMs = 0;
  let lastAtMs = 0;
  const reader = createSequenceReader();
  const viewer = openHttpStream({
    port,
    path: `${path}/agui/events?view=raw`,
    onBody(bytes) {
      reader.add(bytes);
      if (reader.count === 0) return;
      if (firstAtMs === 0) firstAtMs = performance.now();
      lastAtMs = performance.now();
      if (reader.count >= EVENTS) allSeen.resolve();
    },
  });
  try {
    requireOk(await within(viewer.head, START_TIMEOUT_MS, "response head"), path);
    await startRun(port, path);
    // what was seen until then is worth a row even if it is not all
    await within(allSeen.promise, TIMEOUT_MS, "last event").catch(() => {});
  } finally {
    viewer.close();
  }
  const size = `${EVENTS.toLocaleString("en")} events`;
  const perSecond = (reader.count / Math.max(1, lastAtMs - firstAtMs)) * 1_000;
  return [
    {
      measurement: "ingest",
      size,
      value: perSecond,
      unit: "events/s",
      limit: `>= ${LIMIT_PER_SECOND.toLocaleString("en")} events/s`,
      ok: perSecond >= LIMIT_PER_SECOND,
    },
    {
      measurement: "ingest, seen in order",
      size,
      value: reader.count - reader.breaks,
      unit: "events",
      limit: `= ${size}`,
      ok: reader.count === EVENTS && reader.breaks === 0,
    },
  ];
}
