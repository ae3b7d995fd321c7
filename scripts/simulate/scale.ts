import { createHash } from "node:crypto";
import { setImmediate as nextTurn } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { type CallCounts, createCountedObjects } from "./counted-bucket.ts";
import {
  createScaleNats,
  type ScaleNats,
  type ScaleReplica,
  startScaleReplica,
} from "./scale-replicas.ts";
import { createResumableRunner, type ResumableRunnerOptions } from "../bench/resumable-runner.ts";
import { createVirtualTime, type VirtualTime } from "./virtual-time.ts";

/** What whole servers cost, in virtual time; counts of calls are those of all replicas. */
export interface ScaleResult {
  /** The same runs without viewers, and with one at each replica. */
  readonly alone: TurnResult;
  readonly watched: TurnResult;
  readonly open: OpenRunsResult;
  readonly lists: readonly ListResult[];
}

/** Runs that are watched, one turn of each, from the post until what was merged is deleted. */
export interface TurnResult {
  readonly replicas: number;
  readonly runs: number;
  readonly viewers: number;
  readonly seconds: number;
  readonly eventsPerSecond: number;
  readonly calls: CallCounts;
  /** Calls in as much time without a run. */
  readonly idle: CallCounts;
  readonly natsSent: number;
  readonly natsDelivered: number;
  readonly subscriptions: number;
  readonly eventsSeen: number;
  /** From an event's time until a viewer has it, at the owner and elsewhere, p50 in ms. */
  readonly ownerMs: number;
  readonly elsewhereMs: number;
}

/** Many open runs of which nothing comes: what it costs that they are there, and that a replica dies. */
export interface OpenRunsResult {
  readonly replicas: number;
  readonly runs: number;
  /** Calls while they are admitted, and in a minute after that. */
  readonly admission: CallCounts;
  readonly minute: CallCounts;
  /** Memory of one replica for each of its runs, bytes of the heap. */
  readonly bytesPerRun: number;
  readonly takenOver: number;
  /** From the death until the first and the last of its runs was asked for at its runner, s. */
  readonly firstTakenSeconds: number;
  readonly lastTakenSeconds: number;
  readonly takeover: CallCounts;
}

/** One list of a project. */
interface ListResult {
  readonly sessions: number;
  readonly calls: CallCounts;
  readonly seconds: number;
}

export interface ScaleOptions {
  readonly replicas: number;
  /** Runs at a time whose events are watched. */
  readonly runs: number;
  readonly seconds: number;
  readonly eventsPerSecond: number;
  /** Open runs at a time of which nothing comes. */
  readonly openRuns: number;
  /** Sessions of a project that is listed. */
  readonly lists: readonly number[];
  readonly progress: (text: string) => void;
}

const MINUTE_MS = 60_000;
/** Until what was merged is deleted, and a lease has lapsed. */
const AFTER_MS = 120_000;
const POSTS_AT_ONCE = 50;

export async function simulateScale(options: ScaleOptions): Promise<ScaleResult> {
  const restore = hashAtOnce();
  try {
    options.progress("runs alone");
    const alone = await playTurns(options, 0);
    options.progress("runs that are watched");
    const watched = await playTurns(options, options.replicas);
    options.progress("open runs, and a replica that dies");
    const open = await holdOpen(options);
    options.progress("lists");
    const lists: ListResult[] = [];
    for (const sessions of options.lists) lists.push(await listProject(sessions));
    return { alone, watched, open, lists };
  } finally {
    restore();
  }
}

interface World {
  readonly time: VirtualTime;
  readonly nats: ScaleNats;
  readonly replicas: readonly ScaleReplica[];
  readonly takeCounts: () => CallCounts;
  /** Ids of runs that a runner was asked to go on with, and when. */
  readonly resumed: ReadonlyMap<string, number>;
}

async function createWorld(
  count: number,
  runs: Omit<ResumableRunnerOptions, "clock">,
): Promise<World> {
  const time = createVirtualTime();
  const objects = createCountedObjects();
  const nats = createScaleNats();
  const { clock } = time.machine(0);
  const inner = createResumableRunner({ clock, ...runs });
  const resumed = new Map<string, number>();
  const runner: typeof inner = {
    fetch(url, init) {
      const [, runId] = /\/runs\/([^/]+)\/events$/.exec(url) ?? [];
      if (runId && !resumed.has(runId)) resumed.set(runId, time.nowMs);
      return inner.fetch(url, init);
    },
  };
  const replicas: ScaleReplica[] = [];
  for (let number = 0; number < count; number++) {
    const started = startScaleReplica({ time, objects, nats, runner, number });
    replicas.push(await whilePassing(time, started));
  }
  return { time, nats, replicas, resumed, takeCounts: () => objects.takeCounts() };
}

/** Lets virtual time pass until the promise is settled. */
async function whilePassing<T>(time: VirtualTime, promise: Promise<T>): Promise<T> {
  const settled = new AbortController();
  const watched = promise.finally(() => settled.abort());
  watched.catch(() => {});
  while (!settled.signal.aborted) {
    await time.pass(10);
    await nextTurn();
  }
  return watched;
}

/** Posts one run to each session, in turn to each replica. */
async function postRuns({ replicas, time }: World, runs: number): Promise<void> {
  for (let from = 0; from < runs; from += POSTS_AT_ONCE) {
    const numbers = Array.from(
      { length: Math.min(POSTS_AT_ONCE, runs - from) },
      (_, i) => from + i,
    );
    const answers = numbers.map(async (number) => {
      const body = JSON.stringify({
        runId: `r${number}`,
        messages: [{ id: "m", role: "user", content: "go" }],
      });
      const headers = { "Content-Type": "application/json" };
      const replica = replicas[number % replicas.length]!;
      const answer = await replica.fetch(`/s${number}/agui/run`, { method: "POST", headers, body });
      if (answer.status !== 200) throw new Error(`a run was refused: ${await answer.text()}`);
    });
    await whilePassing(time, Promise.all(answers));
  }
}

interface Watch {
  readonly delays: number[];
  events: number;
}

/** Reads a session's stream of events to its end, and how late each one is. */
async function watch(replica: ScaleReplica, session: string, seen: Watch): Promise<void> {
  const answer = await replica.fetch(`/${session}/agui/events?view=raw`);
  const decoder = new TextDecoder();
  for await (const chunk of answer.body ?? [])
    for (const [, timestamp] of decoder.decode(chunk).matchAll(/"timestamp":(\d+)/g)) {
      seen.events++;
      seen.delays.push(replica.machine.clock.now() - Number(timestamp));
    }
}

async function playTurns(options: ScaleOptions, viewersPerRun: number): Promise<TurnResult> {
  const { eventsPerSecond, runs, seconds } = options;
  const events = seconds * eventsPerSecond;
  const world = await createWorld(options.replicas, { events, eventsPerSecond });
  const { nats, replicas, time } = world;
  const [owner, elsewhere]: [Watch, Watch] = [
    { delays: [], events: 0 },
    { delays: [], events: 0 },
  ];
  const lastsMs = seconds * 1_000 + AFTER_MS;
  world.takeCounts();
  await time.pass(lastsMs);
  const idle = world.takeCounts();
  await postRuns(world, runs);
  for (let number = 0; number < runs; number++)
    for (let viewer = 0; viewer < viewersPerRun; viewer++) {
      const at = (number + viewer) % replicas.length;
      const seen = at === number % replicas.length ? owner : elsewhere;
      watch(replicas[at]!, `s${number}`, seen).catch(() => {});
    }
  await time.pass(1_000);
  const { subscriptions } = nats;
  await time.pass(lastsMs);
  return {
    replicas: replicas.length,
    runs,
    viewers: runs * viewersPerRun,
    seconds,
    eventsPerSecond,
    calls: world.takeCounts(),
    idle,
    natsSent: nats.sent,
    natsDelivered: nats.delivered,
    subscriptions,
    eventsSeen: owner.events + elsewhere.events,
    ownerMs: median(owner.delays),
    elsewhereMs: median(elsewhere.delays),
  };
}

async function holdOpen(options: ScaleOptions): Promise<OpenRunsResult> {
  const { openRuns: runs } = options;
  const world = await createWorld(options.replicas, { events: 0, eventsPerSecond: 1 });
  const { replicas, resumed, takeCounts, time } = world;
  await time.pass(10_000);
  takeCounts();
  const before = heapBytes();
  await postRuns(world, runs);
  // the first look at what others have opened meanwhile
  await time.pass(10_000);
  const admission = takeCounts();
  const bytesPerRun = (heapBytes() - before) / runs;
  await time.pass(MINUTE_MS);
  const minute = takeCounts();
  const diedMs = time.nowMs;
  replicas[0]!.machine.isDead = true;
  const orphaned = Math.ceil(runs / replicas.length);
  while (resumed.size < orphaned && time.nowMs - diedMs < 10 * MINUTE_MS) await time.pass(1_000);
  const takenMs = [...resumed.values()];
  return {
    replicas: replicas.length,
    runs,
    admission,
    minute,
    bytesPerRun,
    takenOver: resumed.size,
    firstTakenSeconds: (Math.min(...takenMs) - diedMs) / 1_000,
    lastTakenSeconds: (Math.max(...takenMs) - diedMs) / 1_000,
    takeover: takeCounts(),
  };
}

async function listProject(sessions: number): Promise<ListResult> {
  const time = createVirtualTime();
  const objects = createCountedObjects();
  const names = Array.from({ length: sessions }, (_, i) => `s${String(i).padStart(7, "0")}`);
  await objects.seed(names.map((name) => `lives/p!${name}!00000001!0mywpiz27dk4fi2g`));
  const nats = createScaleNats();
  const runner = createResumableRunner({
    clock: time.machine(0).clock,
    events: 0,
    eventsPerSecond: 1,
  });
  const started = startScaleReplica({ time, objects, nats, runner, number: 0 });
  const replica = await whilePassing(time, started);
  objects.takeCounts();
  const beginMs = time.nowMs;
  const answer = await whilePassing(time, replica.fetch("?limit=20"));
  await whilePassing(time, answer.text());
  return { sessions, calls: objects.takeCounts(), seconds: (time.nowMs - beginMs) / 1_000 };
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

/** Bytes of the heap that are in use. */
function heapBytes(): number {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  collect();
  return process.memoryUsage().heapUsed;
}

/** Digests are made at once and not by other threads, which virtual time does not wait for. Returns what undoes it. */
function hashAtOnce(): () => void {
  Object.defineProperty(crypto.subtle, "digest", {
    configurable: true,
    value: async (_name: string, bytes: Uint8Array) =>
      new Uint8Array(createHash("sha256").update(bytes).digest()).buffer,
  });
  return () => void Reflect.deleteProperty(crypto.subtle, "digest");
}
