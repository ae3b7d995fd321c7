import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { startScript } from "./child-script.ts";
import { createDataDir } from "./data-dir.ts";
import { within } from "./deadline.ts";
import { openHttpStream } from "./http-stream.ts";
import { type RelayProcess, startRelay } from "./relay-process.ts";
import { requireOk } from "./reading.ts";
import { atMost, type Row } from "./row.ts";
import { createSequenceReader } from "./sequence.ts";

const EVENTS = 1_000_000;
const LIMIT_PER_SECOND = 100_000;
/** Events of 150 bytes: 100 MB each. */
const RUNS = 8;
const RUN_EVENTS = 667_000;
const LARGE_BYTES = 24 * 1024 * 1024;
const LIMIT_MEBIBYTES = 96;
const MEBIBYTE = 1024 * 1024;
const TIMEOUT_MS = 300_000;
const START_TIMEOUT_MS = 10_000;
const SAMPLE_MS = 20;

interface Load {
  readonly runs: number;
  readonly events: number;
  readonly largeBytes: number;
}

interface Measured {
  readonly ms: number;
  /** Events that came, in order, over all runs. */
  readonly inOrder: number;
  readonly ownPeakBytes: number;
  readonly peakBytes: number;
}

/** What passes through a relay with its spool on disk, and what memory that takes. */
export async function measureRelay(): Promise<Row[]> {
  const one = await pass({ runs: 1, events: EVENTS, largeBytes: 0 });
  const many = await pass({ runs: RUNS, events: RUN_EVENTS, largeBytes: LARGE_BYTES });
  const perSecond = (EVENTS / one.ms) * 1_000;
  const size = `${EVENTS.toLocaleString("en")} events`;
  const load = `${RUNS} x 100 MB`;
  const all = RUNS * RUN_EVENTS;
  return [
    {
      measurement: "relay",
      size,
      value: perSecond,
      unit: "events/s",
      limit: `>= ${LIMIT_PER_SECOND.toLocaleString("en")} events/s`,
      ok: perSecond >= LIMIT_PER_SECOND,
    },
    {
      measurement: "relay, seen in order",
      size: load,
      value: many.inOrder,
      unit: "events",
      limit: `= ${all.toLocaleString("en")} events`,
      ok: one.inOrder === EVENTS && many.inOrder === all,
    },
    atMost(LIMIT_MEBIBYTES, {
      measurement: "relay, own memory, peak",
      size: load,
      value: many.ownPeakBytes / MEBIBYTE,
      unit: "MiB",
    }),
    {
      measurement: "relay, memory, peak",
      size: load,
      value: many.peakBytes / MEBIBYTE,
      unit: "MiB",
    },
  ];
}

async function pass({ runs, events, largeBytes }: Load): Promise<Measured> {
  const data = await createDataDir();
  const agent = startScript<{ port: number }>(
    new URL("./fake-runner-process.ts", import.meta.url),
    { events, largeBytes },
  );
  try {
    const { port } = await agent.next(START_TIMEOUT_MS);
    const relay = await startRelay(port, join(data.dir, "spool"));
    try {
      return await readRuns(relay, runs);
    } finally {
      await relay.stop();
    }
  } finally {
    await agent.stop();
    await data.remove();
  }
}

async function readRuns(relay: RelayProcess, runs: number): Promise<Measured> {
  const startedAtMs = performance.now();
  const peak = watchPeak(relay);
  const counts = await Promise.all(
    Array.from({ length: runs }, async (_, run) => {
      const reader = createSequenceReader();
      const body = JSON.stringify({ threadId: "t1", runId: `r${run}` });
      const onBody = (bytes: Buffer): void => reader.add(bytes);
      const stream = openHttpStream({ port: relay.port, path: "/", body, onBody });
      requireOk(await within(stream.head, START_TIMEOUT_MS, "response head"), "/");
      await within(stream.ended, TIMEOUT_MS, "end of a run");
      return reader.inOrder;
    }),
  );
  const ms = performance.now() - startedAtMs;
  const inOrder = counts.reduce((sum, count) => sum + count, 0);
  return { ms, inOrder, ownPeakBytes: await peak.end(), peakBytes: await relay.peakBytes() };
}

/** The kernel keeps no peak of own memory: it is looked at again and again. */
function watchPeak(relay: RelayProcess): { end(): Promise<number> } {
  const over = new AbortController();
  const watching = (async () => {
    let peak = 0;
    while (!over.signal.aborted) {
      peak = Math.max(peak, await relay.ownBytes());
      await sleep(SAMPLE_MS);
    }
    return peak;
  })();
  return {
    end() {
      over.abort();
      return watching;
    },
  };
}
