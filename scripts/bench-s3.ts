// What the object store costs: the requests of one turn of 400 events, and the replay of a log of
// 500 MB beside plain GETs of the same objects. `S3_TEST_ENDPOINT`, `S3_TEST_ACCESS_KEY` and
// `S3_TEST_SECRET_KEY` name the server of the second part; without them it is left out.
import { createMemoryObjectBucket } from "../adapters/memory/index.ts";
import { createObjectLogStore } from "../adapters/object/index.ts";
import { createS3Bucket } from "../adapters/s3/index.ts";
import { systemClock } from "../src/entry/system-clock.ts";
import type { LogStore } from "../src/ports/log-store.ts";
import type { ObjectBucket } from "../src/ports/object-bucket.ts";

const KEY = { project: "bench", session: "s" };
const MIB = 1024 * 1024;
const EVENTS = 400;
const EVENT_BYTES = 250;
/** A put over a network in one region. */
const PUT_MS = 30;
/** US dollars for one request, S3 Standard in us-east-1: writes and listings, reads. */
const WRITE_PRICE = 0.005 / 1_000;
const READ_PRICE = 0.0004 / 1_000;
const OBJECTS = 8;
const OBJECT_BYTES = 62.5 * MIB;
const ROUNDS = 3;

type Counts = Record<Exclude<keyof ObjectBucket, "place">, number>;

const zero = (): Counts => ({
  get: 0,
  head: 0,
  put: 0,
  putIfAbsent: 0,
  list: 0,
  delete: 0,
  multipart: 0,
  abortUploads: 0,
});

const pause = (ms: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, ms);
  });

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** `bucket` with its calls counted, and puts that take as long as over a network. */
function counted(bucket: ObjectBucket, counts: Counts): ObjectBucket {
  const { place: _, ...operations } = bucket;
  const calls = Object.entries(operations).map(([name, call]) => [
    name,
    async (...args: unknown[]) => {
      counts[name as keyof Counts]++;
      if (name.startsWith("put")) await pause(PUT_MS);
      return (call as (...given: unknown[]) => unknown)(...args);
    },
  ]);
  return Object.fromEntries(calls);
}

function line(bytes: number): Uint8Array {
  const text = new Uint8Array(bytes).fill(120);
  text[bytes - 1] = 10;
  return text;
}

/** What a run asks of its store: mark, messages, head, events, end, head, mark. */
async function playTurn(store: LogStore, eventMs: number): Promise<void> {
  const { logId, end } = await store.create(KEY);
  let expectedEnd = end.raw;
  const append = async (bytes: Uint8Array, durable: boolean): Promise<void> => {
    expectedEnd = await store.append(KEY, bytes, { logId, expectedEnd, durable });
  };
  await store.markOpen(KEY, logId, "run", "{}");
  await append(line(1_000), false);
  await store.setHead(KEY, logId, line(2_000));
  // as `core/runs/execute-run.ts`: what comes while an append is under way goes along with the next one
  const events = { waiting: 0, done: false };
  const writing = (async () => {
    while (!events.done || events.waiting > 0) {
      const { waiting } = events;
      events.waiting = 0;
      if (waiting > 0) await append(line(waiting * EVENT_BYTES), false);
      else await pause(1);
    }
  })();
  for (let i = 0; i < EVENTS; i++) {
    events.waiting++;
    await pause(eventMs);
  }
  events.done = true;
  await writing;
  await append(line(EVENT_BYTES), true);
  await store.setHead(KEY, logId, line(2_000));
  await store.clearOpen(KEY, logId, "run");
}

async function measureTurn(eventMs: number): Promise<void> {
  const memory = createMemoryObjectBucket();
  const counts = zero();
  const bucket = counted(memory, counts);
  const store = createObjectLogStore({ bucket, clock: systemClock, garbageMs: 100 });
  await playTurn(store, eventMs);
  await pause(1_500);
  const puts = counts.put + counts.putIfAbsent + counts.multipart;
  const cost = (puts + counts.list) * WRITE_PRICE + (counts.get + counts.head) * READ_PRICE;
  const seconds = (EVENTS * eventMs) / 1_000;
  say(
    `turn of ${EVENTS} events in ${seconds} s: ${puts} PUT, ${counts.list} LIST, ${counts.get} GET, ` +
      `${counts.head} HEAD, ${counts.delete} DELETE = $${cost.toFixed(5)}`,
  );
  const { objects } = await memory.list({ prefix: "logs/bench/s/" });
  say(`  objects of the session afterwards: ${objects.length}`);
  Object.assign(counts, zero());
  const viewer = createObjectLogStore({ bucket, clock: systemClock });
  const stat = await viewer.stat(KEY);
  await drain(viewer.read(KEY, { logId: stat?.logId ?? "" }));
  say(`  a replay by another process: ${counts.list} LIST, ${counts.get} GET`);
  await viewer.close();
  await store.close();
}

async function drain(stream: ReadableStream<Uint8Array>): Promise<number> {
  const reader = stream.getReader();
  let bytes = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return bytes;
    bytes += value.length;
  }
}

async function timed(work: () => Promise<number>): Promise<number> {
  const start = performance.now();
  const bytes = await work();
  if (bytes !== OBJECTS * OBJECT_BYTES) throw new Error(`${bytes} bytes came`);
  return (performance.now() - start) / 1_000;
}

async function measureReplay(endpoint: string): Promise<void> {
  const { S3_TEST_ACCESS_KEY: accessKeyId = "", S3_TEST_SECRET_KEY: secretAccessKey = "" } =
    process.env;
  const credentials = { accessKeyId, secretAccessKey };
  const bucket = createS3Bucket({ bucket: "runlog-bench", endpoint, credentials });
  await bucket.make();
  const store = createObjectLogStore({ bucket, clock: systemClock, attemptMs: 60_000 });
  await store.delete(KEY);
  const { logId } = await store.create(KEY);
  const body = line(OBJECT_BYTES);
  for (let i = 0; i < OBJECTS; i++)
    await store.append(KEY, body, { logId, expectedEnd: i * OBJECT_BYTES, durable: true });
  const { objects } = await bucket.list({ prefix: `logs/bench/s/${logId}/raw/` });
  const plain = async (): Promise<number> => {
    let bytes = 0;
    for (const { key } of objects) {
      const found = await bucket.get(key);
      if (found) bytes += await drain(found.bytes);
    }
    return bytes;
  };
  for (let round = 1; round <= ROUNDS; round++) {
    const got = await timed(plain);
    const replayed = await timed(() => drain(store.read(KEY, { logId })));
    say(
      `500 MB, round ${round}: plain GET ${got.toFixed(2)} s, read ${replayed.toFixed(2)} s ` +
        `(${(replayed / got).toFixed(2)} times), resident ${Math.round(process.memoryUsage.rss() / MIB)} MiB`,
    );
  }
  await store.delete(KEY);
  await store.close();
  bucket.close();
}

// the store's own timers keep no process alive
const alive = setInterval(() => {}, 1_000);
await measureTurn(100);
await measureTurn(20);
const { S3_TEST_ENDPOINT: endpoint } = process.env;
if (endpoint !== undefined) await measureReplay(endpoint);
clearInterval(alive);
