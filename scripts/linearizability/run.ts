import { createRandom } from "../bench/random.ts";
import { checkHistory, type Verdict } from "./check.ts";
import { type CallKind, useSession } from "./clients.ts";
import { type DoneFault, type FaultKind, injectFaults } from "./faults.ts";
import type { History } from "./history.ts";
import { createRecorder, type Recorder } from "./recorder.ts";
import { type Runner, startRunner } from "./runner.ts";
import { settle } from "./settle.ts";
import { type Cluster, startCluster, type StoreKind } from "./stores.ts";

export interface RunOptions {
  readonly minutes: number;
  readonly seed: number;
  readonly replicas: number;
  readonly store: StoreKind;
  readonly faults: readonly FaultKind[];
  /** Of a thousand calls of the store so many fail. */
  readonly storeFaults: number;
  /** Calls that nobody makes. */
  readonly without: readonly CallKind[];
  /** Sessions at once. */
  readonly sessions: number;
  readonly progress: (text: string) => void;
}

/** What became of one session. */
export interface CheckedSession {
  readonly history: History;
  readonly verdict: Verdict;
  readonly checkMs: number;
  /** What was seen beside the order of operations. */
  readonly violations: readonly string[];
}

export interface RunResult {
  readonly sessions: readonly CheckedSession[];
  readonly faults: readonly DoneFault[];
  /** Calls by what they were and what became of them. */
  readonly calls: Readonly<Record<string, number>>;
  /** Of replicas that ended by themselves. */
  readonly violations: readonly string[];
}

/** How many runs of a session may wait: few, so that some are refused. */
const RUN_QUEUE = 3;

/** How long sessions are used before they are checked, and how long there is between two faults at most. */
const TIMES: Readonly<Record<StoreKind, { readonly roundMs: number; readonly pauseMs: number }>> = {
  objects: { roundMs: 25_000, pauseMs: 5_000 },
  s3: { roundMs: 60_000, pauseMs: 15_000 },
  disk: { roundMs: 25_000, pauseMs: 6_000 },
};

/** Uses sessions, round by round, under faults, and checks each when its round is over. */
export async function run(options: RunOptions): Promise<RunResult> {
  const random = createRandom(options.seed);
  const recorders = new Map<string, Recorder>();
  const runner = await startRunner({
    random: createRandom(random.integer(2 ** 31)),
    recorderOf: (session) => recorders.get(session),
  });
  const cluster = await startCluster({
    store: options.store,
    replicas: options.store === "disk" ? 1 : options.replicas,
    random: createRandom(random.integer(2 ** 31)),
    runnerPort: runner.port,
    runQueue: RUN_QUEUE,
    faults: options.storeFaults,
  });
  const result = {
    sessions: [] as CheckedSession[],
    faults: [] as DoneFault[],
    calls: {} as Record<string, number>,
  };
  const endMs = performance.now() + options.minutes * 60_000;
  try {
    for (let round = 0; performance.now() < endMs; round++) {
      recorders.clear();
      for (let number = 0; number < options.sessions; number++) {
        const session = `s${round}-${number}`;
        recorders.set(session, createRecorder(session, RUN_QUEUE));
      }
      const leftMs = endMs - performance.now();
      result.faults.push(
        ...(await playRound({
          options,
          cluster,
          recorders: [...recorders.values()],
          seed: random.integer(2 ** 31),
          ms: Math.ceil(Math.min(TIMES[options.store].roundMs, leftMs)),
          calls: result.calls,
        })),
      );
      for (const recorder of recorders.values())
        result.sessions.push(checkSession(recorder, runner));
      options.progress(describeRound(round, result.sessions.slice(-options.sessions)));
    }
  } finally {
    await cluster.close();
    runner.close();
  }
  return { ...result, violations: cluster.replicas.flatMap(({ violations }) => violations) };
}

interface Round {
  readonly options: RunOptions;
  readonly cluster: Cluster;
  readonly recorders: readonly Recorder[];
  readonly seed: number;
  readonly ms: number;
  readonly calls: Record<string, number>;
}

/** Resolves with the faults when everything has come to rest and was read. */
async function playRound({ options, cluster, recorders, seed, ms, calls }: Round) {
  const random = createRandom(seed);
  const { replicas } = cluster;
  const signal = AbortSignal.timeout(ms);
  const faults = injectFaults({
    cluster,
    kinds: options.faults,
    random: createRandom(random.integer(2 ** 31)),
    pauseMs: TIMES[options.store].pauseMs,
    signal,
  });
  const clients = recorders.map((recorder) =>
    useSession({
      recorder,
      replicas,
      without: options.without,
      seed: random.integer(2 ** 31),
      signal,
      count(what) {
        calls[what] = (calls[what] ?? 0) + 1;
      },
    }),
  );
  await Promise.all(clients);
  const done = await faults;
  await Promise.all(recorders.map((recorder) => settle(recorder, replicas)));
  return done;
}

function checkSession(recorder: Recorder, runner: Runner): CheckedSession {
  const history = recorder.history();
  const startMs = performance.now();
  const verdict = checkHistory(history);
  const checkMs = performance.now() - startMs;
  return {
    history,
    verdict,
    checkMs,
    violations: [...recorder.violations, ...postedTwice(history, runner)],
  };
}

/** A run reaches its runner once in each incarnation of its session. */
function postedTwice({ session, operations }: History, runner: Runner): string[] {
  const deletions = operations.filter(
    ({ effect }) => effect.kind === "delete" && effect.found,
  ).length;
  return [...runner.posts(session)].flatMap(([name, posts]) =>
    posts > 1 + deletions
      ? [
          `${name} of ${session} was posted to its runner ${posts} times, with ${deletions} deletions`,
        ]
      : [],
  );
}

function describeRound(round: number, sessions: readonly CheckedSession[]): string {
  const operations = sessions.reduce((sum, { history }) => sum + history.operations.length, 0);
  const bad = sessions.filter(isViolation).length;
  const undecided = sessions.filter(({ verdict }) => verdict.is === "undecided").length;
  const checkMs = Math.round(sessions.reduce((sum, one) => sum + one.checkMs, 0));
  return `round ${round}: ${sessions.length} sessions, ${operations} operations, checked in ${checkMs} ms: ${bad} violations, ${undecided} undecided`;
}

/** Whether anything was wrong with a session. */
export function isViolation({ verdict, violations }: CheckedSession): boolean {
  return verdict.is === "violation" || violations.length > 0;
}
