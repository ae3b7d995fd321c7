import { createViewChecker } from "../view-checker.ts";
import { visit } from "../visit.ts";
import type { Workload, WorkloadContext, WorkloadSession } from "../workload.ts";

/** A larger history takes seconds of the server's time to be said at once. */
const SNAPSHOT_MEGABYTES = 10;
const STAY_MS = 15_000;

/** Watches a session in another view than the raw one, and checks the order of what comes. */
async function watch(
  context: WorkloadContext,
  { name, path }: WorkloadSession,
  view: "default" | "snapshot",
): Promise<void> {
  const checker = createViewChecker();
  try {
    await visit(context, {
      name: `${view} views`,
      path: `${path}/agui/events${view === "default" ? "" : `?view=${view}`}`,
      ms: STAY_MS,
      onBody: (bytes) => checker.push(bytes),
    });
  } finally {
    for (const text of checker.violations) context.violation(`${name}, ${view} view: ${text}`);
    if (checker.seen !== null) context.saw(name, checker.seen);
  }
}

/** What front ends ask for: finished runs compacted, then the raw log, then live. */
export const defaultViews: Workload = {
  name: "default views",
  clients: 3,
  round: (context) => watch(context, context.random.pick(context.sessions), "default"),
};

export const snapshotViews: Workload = {
  name: "snapshot views",
  clients: 2,
  round: (context) => watch(context, smallOne(context, SNAPSHOT_MEGABYTES), "snapshot"),
};

/** A session that was of at most so many megabytes, or of the smallest ones if there is none. */
export function smallOne(
  { random, sessions }: Pick<WorkloadContext, "random" | "sessions">,
  megabytes: number,
): WorkloadSession {
  const most = Math.max(megabytes, Math.min(...sessions.map((one) => one.megabytes)));
  return random.pick(sessions.filter((one) => one.megabytes <= most));
}
