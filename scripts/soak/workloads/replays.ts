import { setTimeout as sleep } from "node:timers/promises";
import { type HttpStream, openHttpStream } from "../../bench/http-stream.ts";
import { createStreamChecker } from "../stream-checker.ts";
import type { Workload, WorkloadContext, WorkloadSession } from "../workload.ts";

interface Visit {
  readonly session: WorkloadSession;
  readonly bytesPerSecond?: number;
  /** Leaves after so many bytes. */
  readonly bytes?: number;
  /** Leaves after so long. */
  readonly ms: number;
}

/** Replays a log from its start and checks what comes, until it leaves or is broken off. */
async function replay(context: WorkloadContext, visit: Visit): Promise<void> {
  const { session, bytesPerSecond, bytes: most = Infinity, ms } = visit;
  const checker = createStreamChecker();
  let isGood = false;
  let received = 0;
  const stream: HttpStream = openHttpStream({
    port: context.port,
    path: `${session.path}/agui/events?view=raw`,
    ...(bytesPerSecond === undefined ? {} : { bytesPerSecond }),
    onHead({ status }) {
      context.count(`replays answered ${status}`);
      isGood = status === 200;
    },
    onBody(bytes) {
      received += bytes.length;
      if (isGood) checker.push(bytes);
      if (received >= most) stream.close();
    },
  });
  try {
    await stream.head;
    const leave = new AbortController();
    const signal = AbortSignal.any([context.signal, leave.signal]);
    await Promise.race([stream.ended, sleep(ms, undefined, { signal }).catch(() => {})]);
    leave.abort();
  } finally {
    stream.close();
    for (const text of checker.violations) context.violation(`${session.name}, replay: ${text}`);
    if (checker.seen !== null) context.saw(session.name, checker.seen);
  }
}

const MEGABYTE = 1_000_000;

/** Megabytes from which a log is too long for the buffers on its way to take all of it. */
const LARGE = 10;

/** One of the large logs, or of the largest if there are none. */
function large({ sessions, random }: WorkloadContext): WorkloadSession {
  const least = Math.min(LARGE, Math.max(...sessions.map(({ megabytes }) => megabytes)));
  return random.pick(sessions.filter(({ megabytes }) => megabytes >= least));
}

export const fastReplays: Workload = {
  name: "fast replays",
  clients: 2,
  round: (context) =>
    replay(context, { session: context.random.pick(context.sessions), ms: 20_000 }),
};

export const slowReplays: Workload = {
  name: "slow replays",
  clients: 10,
  round: (context) =>
    replay(context, { session: large(context), bytesPerSecond: MEGABYTE / 4, ms: 45_000 }),
};

/** Clients that stop reading and stay: the write deadline ends them. */
export const stalledReplays: Workload = {
  name: "stalled replays",
  clients: 20,
  round: (context) => replay(context, { session: large(context), bytesPerSecond: 0, ms: 60_000 }),
};

/** Clients whose connection breaks somewhere in the middle. */
export const vanishingReplays: Workload = {
  name: "vanishing replays",
  clients: 5,
  round: (context) =>
    replay(context, {
      session: context.random.pick(context.sessions),
      bytes: context.random.integer(2 * MEGABYTE),
      ms: 5_000,
    }),
};
