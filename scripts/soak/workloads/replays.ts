import { createStreamChecker } from "../stream-checker.ts";
import { type Visit, visit } from "../visit.ts";
import type { Workload, WorkloadContext, WorkloadSession } from "../workload.ts";

type Replay = Pick<Visit, "bytesPerSecond" | "bytes" | "ms"> & {
  readonly session: WorkloadSession;
};

/** Replays a log from its start and checks what comes, until it leaves or is broken off. */
export async function replay(
  context: WorkloadContext,
  { session, ...rest }: Replay,
): Promise<void> {
  const checker = createStreamChecker();
  try {
    await visit(context, {
      ...rest,
      name: "replays",
      path: `${session.path}/agui/events?view=raw`,
      onBody: (bytes) => checker.push(bytes),
    });
  } finally {
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
