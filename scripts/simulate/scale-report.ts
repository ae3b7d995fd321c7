import { formatNumber } from "../bench/row.ts";
import { formatLines } from "../soak/report.ts";
import type { CallCounts, CallKind } from "./counted-bucket.ts";
import type { OpenRunsResult, ScaleResult, TurnResult } from "./scale.ts";

/** Calls by how they are charged. */
type Calls = Readonly<Record<CallKind, number>>;

/** US dollars a call: S3 Standard, us-east-1, without storage and traffic, as of 2025. */
const PRICES: Calls = { PUT: 0.005 / 1_000, LIST: 0.005 / 1_000, GET: 0.0004 / 1_000, DELETE: 0 };
const KINDS: readonly CallKind[] = ["PUT", "LIST", "GET", "DELETE"];
const HOUR_S = 3_600;
/** What is asked for. */
const GOAL = { sessions: 1_000_000, runs: 10_000, viewers: 100_000 } as const;
/** Calls a second that S3 takes for one prefix before it has split it. */
const PREFIX_LIMITS = { writes: 3_500, reads: 5_500 } as const;
const MARKS_A_PAGE = 1_000;

/** What was measured, and what follows for the goal where a cost is one for each run, viewer or replica. */
export function formatScale(result: ScaleResult): string {
  const { alone, lists, open, watched } = result;
  const turn = perRun(alone);
  const remote = scaled(minus(perRun(watched), turn), 1 / (watched.replicas - 1));
  return formatLines([
    [
      "simulated",
      `${alone.replicas} replicas, ${alone.runs} runs of ${alone.seconds} s and ${alone.eventsPerSecond} events a second, alone and with ${watched.viewers} viewers; ${formatNumber(open.runs)} open runs`,
    ],
    ["a turn at its owner", priced(turn)],
    ["  for each other replica with viewers", priced(remote)],
    [
      "  messages",
      `${formatNumber(watched.natsSent / watched.runs)} published, ${formatNumber(watched.natsDelivered / watched.subscriptions)} brought to each replica with viewers`,
    ],
    [
      "  event to viewer, p50",
      `${watched.ownerMs} ms at the owner, ${watched.elsewhereMs} ms elsewhere`,
    ],
    ...linesOfOpen(open),
    ...lists.map(({ calls, seconds, sessions }): [string, string] => [
      `a list of ${formatNumber(sessions)} sessions`,
      `${priced(sum(calls))}; ${seconds} s`,
    ]),
    ...linesOfGoal(result, { turn, remote }),
  ]);
}

function linesOfOpen(open: OpenRunsResult): [string, string][] {
  const { replicas, runs } = open;
  const perMinute = scaled(sum(open.minute), 1 / replicas);
  return [
    [
      "an open run",
      `${formatNumber(open.bytesPerRun / 1_024)} KiB of heap, in all replicas together`,
    ],
    [`  ${formatNumber(runs)} of them, a minute and replica`, priced(perMinute)],
    [
      "a replica dies",
      `${formatNumber(open.takenOver)} runs taken up, from ${open.firstTakenSeconds} s to ${open.lastTakenSeconds} s after its death`,
    ],
    ["  each run of it", priced(scaled(sum(open.takeover), 1 / Math.max(1, open.takenOver)))],
  ];
}

function linesOfGoal(
  { alone, open, watched }: ScaleResult,
  { remote, turn }: { readonly remote: Calls; readonly turn: Calls },
): [string, string][] {
  const { replicas } = alone;
  const turnsASecond = GOAL.runs / alone.seconds;
  // viewers of a session come to replicas at random
  const viewersARun = GOAL.viewers / GOAL.runs;
  const elsewhere = (replicas - 1) * (1 - (1 - 1 / replicas) ** viewersARun);
  const writes = scaled(turn, turnsASecond);
  const reads = scaled(remote, turnsASecond * elsewhere);
  const search = scaled(sum(open.minute), GOAL.runs / open.runs / 60);
  const messages = (turnsASecond * watched.natsSent) / watched.runs;
  const pages = Math.ceil(GOAL.runs / MARKS_A_PAGE);
  return [
    [
      `${formatNumber(GOAL.runs)} runs, ${formatNumber(GOAL.viewers)} viewers`,
      `${replicas} replicas, each with ${formatNumber(GOAL.runs / replicas)} runs and ${formatNumber(GOAL.viewers / replicas)} viewers`,
    ],
    ["  what is written, a second", hourly(writes)],
    [`  what ${elsewhere.toFixed(1)} other replicas a run read, a second`, hourly(reads)],
    [
      `  the look for orphaned runs, a second`,
      `${hourly(search)}; at most: ${pages} pages of marks, every 5 s`,
    ],
    [
      "  NATS",
      `${formatNumber(GOAL.runs)} subjects, ${formatNumber(GOAL.runs * elsewhere)} subscriptions, ${formatNumber(messages)} messages published and ${formatNumber(messages * elsewhere)} brought a second`,
    ],
    [
      "  prefixes of S3 that this takes",
      `${Math.ceil(writes.PUT / PREFIX_LIMITS.writes)} for the writes, ${Math.ceil((writes.GET + writes.LIST + reads.GET + reads.LIST) / PREFIX_LIMITS.reads)} for the reads`,
    ],
  ];
}

function sum(calls: CallCounts): Calls {
  const of = (kind: CallKind): number =>
    [...calls].reduce((all, [what, count]) => all + (what.startsWith(`${kind} `) ? count : 0), 0);
  return { PUT: of("PUT"), LIST: of("LIST"), GET: of("GET"), DELETE: of("DELETE") };
}

/** What one run costs, without what replicas cost that have none. */
function perRun({ calls, idle, runs }: TurnResult): Calls {
  return scaled(minus(sum(calls), sum(idle)), 1 / runs);
}

function combined(one: Calls, other: Calls, by: (a: number, b: number) => number): Calls {
  return {
    PUT: by(one.PUT, other.PUT),
    LIST: by(one.LIST, other.LIST),
    GET: by(one.GET, other.GET),
    DELETE: by(one.DELETE, other.DELETE),
  };
}

function minus(one: Calls, other: Calls): Calls {
  return combined(one, other, (a, b) => a - b);
}

function scaled(calls: Calls, factor: number): Calls {
  return combined(calls, calls, (a) => a * factor);
}

function dollars(calls: Calls): number {
  return KINDS.reduce((all, kind) => all + calls[kind] * PRICES[kind], 0);
}

function listed(calls: Calls): string {
  return KINDS.map((kind) => `${formatNumber(Math.round(calls[kind] * 10) / 10)} ${kind}`).join(
    ", ",
  );
}

function priced(calls: Calls): string {
  return `${listed(calls)}; $${dollars(calls).toFixed(6)}`;
}

function hourly(calls: Calls): string {
  return `${listed(scaled(calls, 1))}; $${formatNumber(Math.round(dollars(calls) * HOUR_S))} an hour`;
}
