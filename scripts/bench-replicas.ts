// How late viewers see an event: at the server that has the session and at another replica on the same
// bucket, with and without NATS, all in one run. The bucket is a directory whose calls take as long as
// those of an object store in the same region.
import { parseArgs } from "node:util";
import { type ChildScript, exitOnSignals, startScript } from "./bench/child-script.ts";
import { createDataDir } from "./bench/data-dir.ts";
import { within } from "./bench/deadline.ts";
import { type HttpStream, openHttpStream } from "./bench/http-stream.ts";
import { progress } from "./bench/progress.ts";
import { requireOk } from "./bench/reading.ts";
import type { BucketCalls, ReplicaReady } from "./bench/replica-process.ts";
import { formatTable } from "./bench/report.ts";
import { atMost, type Row } from "./bench/row.ts";
import { createSequenceReader } from "./bench/sequence.ts";
import { createSlowBucket } from "./bench/slow-bucket.ts";
import { startRun } from "./bench/start-run.ts";
import { createNatsServer } from "./nats/nats-server.ts";

const PATH = "/api/projects/bench/agentic-sessions/s1";
const EVENTS_PER_SECOND = 10;
const PUTS = 50;
/** US dollars for one request, S3 Standard in us-east-1: writes and listings, reads. */
const WRITE_PRICE = 0.005 / 1_000;
const READ_PRICE = 0.0004 / 1_000;
/** How much later than at the owner an event may be seen elsewhere by NATS, in ms, at the median. */
const LIMIT_MS = 50;
const START_TIMEOUT_MS = 30_000;
/** A look at the store, and what a busy machine takes. */
const LATE_MS = 60_000;

/** From an event's own time until its viewers have it, in ms, and what was asked of the bucket. */
interface Delays {
  readonly owner: readonly number[];
  readonly other: readonly number[];
  /** Of the owner, of the replica with a viewer, and of the one with none, from the post until all was seen. */
  readonly calls: Readonly<Record<"owner" | "other" | "third", BucketCalls>>;
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
  const start = <T>(script: string, args: unknown): ChildScript<T> => {
    const child = startScript<T>(new URL(`./bench/${script}`, import.meta.url), args);
    started.push(child);
    return child;
  };
  type Replica = ChildScript<ReplicaReady & BucketCalls>;
  const callsOf = async (replica: Replica): Promise<BucketCalls> => {
    replica.send("calls");
    return replica.next(START_TIMEOUT_MS);
  };
  try {
    const load = { events, eventsPerSecond: EVENTS_PER_SECOND };
    const runner = start<{ port: number }>("fake-runner-process.ts", load);
    const { port: runnerPort } = await runner.next(START_TIMEOUT_MS);
    const args = { dir: data.dir, runnerPort, ...(natsUrl !== null && { natsUrl }) };
    const replicas: readonly [Replica, Replica, Replica] = [
      start("replica-process.ts", args),
      start("replica-process.ts", args),
      start("replica-process.ts", args),
    ];
    const [owner, other] = await Promise.all(
      replicas.map((replica) => replica.next(START_TIMEOUT_MS)),
    );
    if (!owner || !other) throw new Error("There are too few replicas");
    const [atOwner, elsewhere] = [view(owner.port, events), view(other.port, events)];
    for (const { stream } of [atOwner, elsewhere]) requireOk(await stream.head, PATH);
    const before = await Promise.all(replicas.map(callsOf));
    await startRun(owner.port, PATH);
    const lateMs = (events / EVENTS_PER_SECOND) * 1_000 + LATE_MS;
    await within(Promise.all([atOwner.seen, elsewhere.seen]), lateMs, "last event");
    const after = await Promise.all(replicas.map(callsOf));
    for (const { stream } of [atOwner, elsewhere]) stream.close();
    const callsAt = (at: number): BucketCalls => difference(after[at] ?? {}, before[at] ?? {});
    const calls = { owner: callsAt(0), other: callsAt(1), third: callsAt(2) };
    return { owner: atOwner.delays, other: elsewhere.delays, calls };
  } finally {
    for (const child of started.toReversed()) await child.stop();
    await data.remove();
  }
}

function difference(after: BucketCalls, before: BucketCalls): BucketCalls {
  const names = Object.keys(after);
  return Object.fromEntries(names.map((name) => [name, (after[name] ?? 0) - (before[name] ?? 0)]));
}

/** What was asked of the bucket, as it is charged. */
function callRowsOf(who: string, events: number, calls: BucketCalls): Row[] {
  const sum = (...names: string[]): number =>
    names.reduce((all, name) => all + (calls[name] ?? 0), 0);
  const charged = [
    sum("put", "putIfAbsent", "multipart"),
    sum("list"),
    sum("get", "head"),
  ] as const;
  const [puts, lists, gets] = charged;
  const dollars = (puts + lists) * WRITE_PRICE + gets * READ_PRICE;
  const measurement = `calls, ${who}`;
  const size = `${events} events`;
  return [
    { measurement, size, value: puts, unit: "PUT" },
    { measurement, size, value: lists, unit: "LIST" },
    { measurement, size, value: gets, unit: "GET" },
    { measurement, size, value: dollars * 1_000, unit: "$ for 1,000 turns" },
  ];
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
      ...callRowsOf("owner", events, by.calls.owner),
      ...callRowsOf("a replica with a viewer, with NATS", events, by.calls.other),
      ...callRowsOf("a replica with a viewer, without NATS", events, without.calls.other),
      ...callRowsOf("a replica without one", events, by.calls.third),
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
