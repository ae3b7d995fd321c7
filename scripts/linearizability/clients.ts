import { setTimeout as sleep } from "node:timers/promises";
import { createRandom, type Random } from "../bench/random.ts";
import type { Recorder } from "./recorder.ts";
import type { Replica } from "./replicas.ts";
import {
  createSession,
  deleteSession,
  exportLog,
  type Outcome,
  postFeedback,
  postRun,
  readEnd,
  type Target,
} from "./session-calls.ts";
import { createTail } from "./tail.ts";

export interface ClientsOptions {
  readonly recorder: Recorder;
  readonly replicas: readonly Replica[];
  readonly seed: number;
  readonly signal: AbortSignal;
  /** Calls that nobody makes. Without `delete` the session is made before it is used. */
  readonly without: readonly CallKind[];
  /** Counts what happened, by name. */
  readonly count: (what: string) => void;
}

/** A kind of call. `again` posts a run that was posted before. */
export type CallKind = "run" | "again" | "feedback" | "export" | "end" | "create" | "delete";

const WRITERS = 5;
const TAILS = 2;
/** Between two calls of a client, at most. */
const PAUSE_MS = 250;
const TAIL_MS = 3_000;
/** Clients wait longer than servers do for their store. */
const PATIENCE_MS = 60_000;
/** Of a hundred calls so many are given up by their clients, within so long. */
const GIVEN_UP = { share: 4, withinMs: 40 } as const;
/** Posts again one of its last runs. */
const REMEMBERED_RUNS = 6;
/** More than the server remembers runs. */
const MAX_RUNS = 60;

/** What a client does, so many times in a hundred. */
const SHARES: readonly (readonly [CallKind, number])[] = [
  ["run", 20],
  ["again", 12],
  ["feedback", 30],
  ["export", 16],
  ["end", 18],
  ["create", 2],
  ["delete", 2],
];

export const CALL_KINDS: readonly CallKind[] = SHARES.map(([kind]) => kind);

/** All clients of a session at work at once, until the signal aborts. */
export async function useSession(options: ClientsOptions): Promise<void> {
  const { recorder, replicas, seed, without } = options;
  const [first] = replicas;
  if (first && without.includes("delete")) await makeSession(recorder, first);
  const numbers = { run: 0, meta: 0, attempt: 0 };
  const runs: string[] = [];
  const writers = Array.from({ length: WRITERS }, (_, index) =>
    write(options, `client ${index}`, createRandom(seed + index), numbers, runs),
  );
  const tails = Array.from({ length: TAILS }, (_, index) =>
    view(options, `viewer ${index}`, createRandom(seed + WRITERS + index)),
  );
  await Promise.all([...writers, ...tails]);
}

async function makeSession(recorder: Recorder, { name, origin }: Replica): Promise<void> {
  for (let outcome: Outcome = "unknown"; outcome !== "done";) {
    const signal = AbortSignal.timeout(PATIENCE_MS);
    outcome = await createSession({ client: "maker", replica: name, origin, signal }, recorder);
    await sleep(PAUSE_MS);
  }
}

async function write(
  { recorder, replicas, signal, without, count }: ClientsOptions,
  client: string,
  random: Random,
  numbers: { run: number; meta: number; attempt: number },
  runs: string[],
): Promise<void> {
  let preferred = random.integer(replicas.length);

  function target(): Target {
    if (random.integer(10) < 3) preferred = random.integer(replicas.length);
    const replica = replicas[preferred];
    if (!replica) throw new RangeError("There is no such replica");
    const isGivenUp = random.integer(100) < GIVEN_UP.share;
    const ms = isGivenUp ? random.integer(GIVEN_UP.withinMs) : PATIENCE_MS;
    return {
      client,
      replica: replica.name,
      origin: replica.origin,
      signal: AbortSignal.timeout(ms),
    };
  }

  const endOnly = async (): Promise<Outcome> => (await readEnd(target(), recorder)).outcome;

  const calls: Readonly<Record<CallKind, () => Promise<Outcome>>> = {
    run() {
      if (numbers.run === MAX_RUNS) return exportLog(target(), recorder);
      const run = `r${++numbers.run}`;
      runs.push(run);
      return postRun(target(), recorder, run, ++numbers.attempt);
    },
    again() {
      const recent = runs.slice(-REMEMBERED_RUNS);
      if (recent.length === 0) return endOnly();
      return postRun(target(), recorder, random.pick(recent), ++numbers.attempt);
    },
    feedback: () => postFeedback(target(), recorder, ++numbers.meta),
    export: () => exportLog(target(), recorder),
    end: endOnly,
    create: () => createSession(target(), recorder),
    delete: () => deleteSession(target(), recorder),
  };

  while (!signal.aborted) {
    const what = pickCall(random, without);
    const outcome = await calls[what]();
    count(`${what} ${outcome}`);
    // another one has the session, or this one is down
    if (outcome !== "done") preferred = random.integer(replicas.length);
    await sleep(random.integer(PAUSE_MS));
  }
}

function pickCall(random: Random, without: readonly CallKind[]): CallKind {
  const shares = SHARES.filter(([kind]) => !without.includes(kind));
  let left = random.integer(shares.reduce((sum, [, share]) => sum + share, 0));
  for (const [what, share] of shares) {
    left -= share;
    if (left < 0) return what;
  }
  return "end";
}

async function view(
  { recorder, replicas, signal, count }: ClientsOptions,
  client: string,
  random: Random,
): Promise<void> {
  const tail = createTail(recorder);
  while (!signal.aborted) {
    const replica = random.pick(replicas);
    const until = AbortSignal.any([AbortSignal.timeout(random.integer(TAIL_MS)), signal]);
    await tail.follow({ client, replica: replica.name, origin: replica.origin, signal: until });
    count("view");
    await sleep(random.integer(PAUSE_MS));
  }
}
