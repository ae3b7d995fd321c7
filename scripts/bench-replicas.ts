// How late viewers see an event: at the server that has the session and at another replica on the same
// bucket, with and without NATS, all in one run. The bucket is a directory whose calls take as long as
// those of an object store in the same region.
import { parseArgs } from "node:util";
import { exitOnSignals, startScript } from "./bench/child-script.ts";
import { createDataDir } from "./bench/data-dir.ts";
import { within } from "./bench/deadline.ts";
import { type HttpStream, openHttpStream } from "./bench/http-stream.ts";
import { progress } from "./bench/progress.ts";
import { requireOk } from "./bench/reading.ts";
import type { ReplicaReady } from "./bench/replica-process.ts";
import { formatTable } from "./bench/report.ts";
import { atMost, type Row } from "./bench/row.ts";
import { createSequenceReader } from "./bench/sequence.ts";
import { createSlowBucket } from "./bench/slow-bucket.ts";
import { startRun } from "./bench/start-run.ts";
import { createNatsServer } from "./nats/nats-server.ts";

const PATH = "/api/projects/bench/agentic-sessions/s1";
const EVENTS_PER_SECOND = 10;
const PUTS = 50;
/** How much later than at the owner an event may be seen elsewhere by NATS, in ms, at the median. */
const LIMIT_MS = 50;
const START_TIMEOUT_MS = 30_000;
/** A look at the store, and what a busy machine takes. */
const LATE_MS = 60_000;

/** From an event's own time until its viewers have it, in ms. */
interface Delays {
  readonly owner: readonly number[];
  readonly other: readonly number[];
}

interface Viewer {
  readonly delays: readonly number[];
  /** Resolves when all events were seen, in order. */
  readonly seen: Promise<void>;
  readonly stream: HttpStream;
}

function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}

/** How long a put takes by itself, in ms. */
async function timePuts(dir: string): Promise<number[]> {
  const bucket = createSlowBucket(dir);
  const took: number[] = [];
  for (let i = 0; i < PUTS; i++) {
    const startedAtMs = performance.now();
    await bucket.putIfAbsent(`puts/${i}`, new Uint8Array(1_000));
    took.push(performance.now() - startedAtMs);
  }
  return took;
}

function view(port: number, events: number): Viewer {
  const delays: number[] = [];
  const whole = Promise.withResolvers<void>();
  whole.promise.catch(() => {});
  let nowMs = 0;
  const reader = createSequenceReader((sentAtMs) => delays.push(nowMs - sentAtMs));
  const stream = openHttpStream({
    port,
    path: `${PATH}/agui/events?view=raw`,
    onBody(bytes) {
      nowMs = Date.now();
      reader.add(bytes);
      if (reader.breaks > 0) whole.reject(new Error("events did not follow on those before"));
      else if (reader.count >= events) whole.resolve();
    },
  });
  return { delays, seen: whole.promise, stream };
}

/** Plays one run at the owner, with a viewer there and one at another replica. */
async function measurePair(natsUrl: string | null, events: number): Promise<Delays> {
  const data = await createDataDir();
  const started: { stop(): Promise<void> }[] = [];
  const start = async <T>(script: string, args: unknown): Promise<T> => {
    const child = startScript<T>(new URL(`./bench/${script}`, import.meta.url), args);
    started.push(child);
    return child.next(START_TIMEOUT_MS);
  };
  try {
    const load = { events, eventsPerSecond: EVENTS_PER_SECOND };
    const { port: runnerPort } = await start<{ port: number }>("fake-runner-process.ts", load);
    const args = { dir: data.dir, runnerPort, ...(natsUrl !== null && { natsUrl }) };
    const owner = await start<ReplicaReady>("replica-process.ts", args);
    const other = await start<ReplicaReady>("replica-process.ts", args);
    const [atOwner, elsewhere] = [view(owner.port, events), view(other.port, events)];
    for (const { stream } of [atOwner, elsewhere]) requireOk(await stream.head, PATH);
    await startRun(owner.port, PATH);
    const lateMs = (events / EVENTS_PER_SECOND) * 1_000 + LATE_MS;
    await within(Promise.all([atOwner.seen, elsewhere.seen]), lateMs, "last event");
    for (const { stream } of [atOwner, elsewhere]) stream.close();
    return { owner: atOwner.delays, other: elsewhere.delays };
  } finally {
    for (const child of started.toReversed()) await child.stop();
    await data.remove();
  }
}

function rowsOf(viewer: string, delays: readonly number[]): Row[] {
  return ([0.5, 0.99] as const).map((share) => ({
    measurement: `event to viewer, ${viewer}`,
    size: `p${share * 100}`,
    value: percentile(delays, share),
    unit: "ms",
  }));
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      seconds: { type: "string", default: "60" },
      check: { type: "boolean", default: false },
    },
  });
  exitOnSignals();
  const events = Number(values.seconds) * EVENTS_PER_SECOND;
  if (!Number.isSafeInteger(events) || events < 1) throw new TypeError("--seconds is a number");
  const nats = await createNatsServer();
  const data = await createDataDir();
  try {
    await nats.start();
    const puts = await timePuts(data.dir);
    progress(`playing two runs of ${values.seconds} s side by side`);
    const [by, without] = await Promise.all([
      measurePair(nats.url, events),
      measurePair(null, events),
    ]);
    const rows: Row[] = [
      { measurement: "a put by itself", size: "p50", value: percentile(puts, 0.5), unit: "ms" },
      { measurement: "a batch, by its setting", size: "-", value: 200, unit: "ms" },
      ...rowsOf("owner, with NATS", by.owner),
      ...rowsOf("another replica, with NATS", by.other),
      ...rowsOf("owner, without NATS", without.owner),
      ...rowsOf("another replica, without NATS", without.other),
      atMost(LIMIT_MS, {
        measurement: "later at another replica than at the owner, with NATS",
        size: "p50",
        value: percentile(by.other, 0.5) - percentile(by.owner, 0.5),
        unit: "ms",
      }),
    ];
    process.stdout.write(`${formatTable(rows)}\n`);
    if (values.check && rows.some(({ ok }) => ok === false)) process.exitCode = 1;
  } finally {
    await nats.close();
    await data.remove();
  }
}

await main();
