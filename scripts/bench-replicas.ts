// How late viewers see an event: at the server that has the session and at another replica on the same
// bucket, with and without NATS, all in one run. The object store is miniflare's, or the one that
// `S3_TEST_ENDPOINT`, `S3_TEST_ACCESS_KEY` and `S3_TEST_SECRET_KEY` name.
import { parseArgs } from "node:util";
import { BUCKET, type S3Server, startS3Server } from "../test/support/s3-server.ts";
import { exitOnSignals, startScript } from "./bench/child-script.ts";
import { within } from "./bench/deadline.ts";
import { type HttpStream, openHttpStream } from "./bench/http-stream.ts";
import { progress } from "./bench/progress.ts";
import { requireOk } from "./bench/reading.ts";
import { formatTable } from "./bench/report.ts";
import { atMost, type Row } from "./bench/row.ts";
import { createSequenceReader } from "./bench/sequence.ts";
import { type ServerProcess, startServer } from "./bench/server-process.ts";
import { startRun } from "./bench/start-run.ts";
import { createNatsServer } from "./nats/nats-server.ts";

const PATH = "/api/projects/bench/agentic-sessions/s1";
const EVENTS_PER_SECOND = 10;
const PUTS = 50;
const PUT_BYTES = 1_000;
/** How much later than at the owner an event may be seen elsewhere by NATS, in ms, at the median. */
const LIMIT_MS = 50;
const START_TIMEOUT_MS = 10_000;
/** A look at the store, and what a busy machine takes. */
const LATE_MS = 60_000;

interface Delays {
  readonly owner: readonly number[];
  readonly other: readonly number[];
}

function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}

/** How long each of some requests to the bucket takes by itself, in ms. */
async function timeRequests(s3: S3Server): Promise<{ puts: number[]; lists: number[] }> {
  const bucket = s3.bucket();
  const prefix = `${crypto.randomUUID()}/`;
  const timed = async (work: () => Promise<unknown>): Promise<number> => {
    const startedAtMs = performance.now();
    await work();
    return performance.now() - startedAtMs;
  };
  const puts: number[] = [];
  const lists: number[] = [];
  for (let i = 0; i < PUTS; i++) {
    const body = new Uint8Array(PUT_BYTES).fill(i);
    puts.push(await timed(() => bucket.putIfAbsent(`${prefix}${i}`, body)));
    lists.push(await timed(() => bucket.list({ prefix, limit: 10 })));
  }
  return { puts, lists };
}

function viewer(
  server: ServerProcess,
  events: number,
): { delays: number[]; seen: Promise<void>; stream: HttpStream } {
  const delays: number[] = [];
  const whole = Promise.withResolvers<void>();
  let nowMs = 0;
  const reader = createSequenceReader((sentAtMs) => delays.push(nowMs - sentAtMs));
  const stream = openHttpStream({
    port: server.port,
    path: `${PATH}/agui/events?view=raw`,
    onBody(bytes) {
      nowMs = Date.now();
      reader.add(bytes);
      if (reader.count < events) return;
      if (reader.breaks === 0) whole.resolve();
      else whole.reject(new Error(`${reader.breaks} events did not follow on the one before`));
    },
  });
  whole.promise.catch(() => {});
  return { delays, seen: whole.promise, stream };
}

/** Plays one run at the owner, with a viewer there and one at another replica. */
async function measurePair(env: Readonly<Record<string, string>>, events: number): Promise<Delays> {
  const runner = startScript<{ port: number }>(
    new URL("./bench/fake-runner-process.ts", import.meta.url),
    { events, eventsPerSecond: EVENTS_PER_SECOND },
  );
  const servers: ServerProcess[] = [];
  try {
    const { port: runnerPort } = await runner.next(START_TIMEOUT_MS);
    const start = async (): Promise<ServerProcess> => {
      const server = await startServer({ dataDir: "", runnerPort, env });
      servers.push(server);
      return server;
    };
    const owner = await start();
    const other = await start();
    const viewers = [viewer(owner, events), viewer(other, events)] as const;
    for (const { stream } of viewers) requireOk(await stream.head, PATH);
    await startRun(owner.port, PATH);
    const [atOwner, elsewhere] = viewers;
    const late = (events / EVENTS_PER_SECOND) * 1_000 + LATE_MS;
    await within(Promise.all([atOwner.seen, elsewhere.seen]), late, "last event");
    for (const { stream } of viewers) stream.close();
    return { owner: atOwner.delays, other: elsewhere.delays };
  } finally {
    await Promise.all(servers.map((server) => server.stop()));
    await runner.stop();
  }
}

function rowsOf(name: string, delays: readonly number[]): Row[] {
  const row = (share: number, label: string): Row => ({
    measurement: `event to viewer, ${name}`,
    size: label,
    value: percentile(delays, share),
    unit: "ms",
  });
  return [row(0.5, "p50"), row(0.99, "p99")];
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
  const s3 = await startS3Server();
  const nats = await createNatsServer();
  await nats.start();
  try {
    const { puts, lists } = await timeRequests(s3);
    const env = (): Record<string, string> => ({
      STORAGE_URL: `s3://${BUCKET}/${crypto.randomUUID()}`,
      AWS_ENDPOINT_URL_S3: s3.endpoint,
      AWS_ACCESS_KEY_ID: s3.credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: s3.credentials.secretAccessKey,
    });
    progress(`playing two runs of ${values.seconds} s side by side`);
    const [withNats, without] = await Promise.all([
      measurePair({ ...env(), RUNLOG_NATS_URL: nats.url }, events),
      measurePair(env(), events),
    ]);
    const more = percentile(withNats.other, 0.5) - percentile(withNats.owner, 0.5);
    const rows: Row[] = [
      { measurement: "a put by itself", size: "p50", value: percentile(puts, 0.5), unit: "ms" },
      { measurement: "a list by itself", size: "p50", value: percentile(lists, 0.5), unit: "ms" },
      ...rowsOf("at the owner, with NATS", withNats.owner),
      ...rowsOf("at another replica, with NATS", withNats.other),
      ...rowsOf("at the owner, without NATS", without.owner),
      ...rowsOf("at another replica, without NATS", without.other),
      atMost(LIMIT_MS, {
        measurement: "more at another replica than at the owner, with NATS",
        size: "p50",
        value: more,
        unit: "ms",
      }),
    ];
    process.stdout.write(`${formatTable(rows)}\n`);
    if (values.check && rows.some(({ ok }) => ok === false)) process.exitCode = 1;
  } finally {
    await nats.close();
    await s3.close();
  }
}

await main();
