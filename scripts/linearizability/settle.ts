import { setTimeout as sleep } from "node:timers/promises";
import type { History } from "./history.ts";
import { knownLogs } from "./known-logs.ts";
import { unendedRuns } from "./log-rules.ts";
import type { Recorder } from "./recorder.ts";
import type { Replica } from "./replicas.ts";
import { exportLog, pathOf, readEnd, type Target } from "./session-calls.ts";
import { createTail } from "./tail.ts";

/** Leases lapse, runs that nobody has end, and runners are asked again, in less than this. */
const REST_MS = 150_000;
const AGAIN_MS = 300;
/** A viewer of another replica is told within seconds. */
const DELIVERED_MS = 60_000;

/**
 * Waits until nothing goes on in a session any more, then reads all of it on every replica. What does
 * not come to rest, or is not delivered, is a violation.
 */
export async function settle(recorder: Recorder, replicas: readonly Replica[]): Promise<void> {
  const deadlineMs = performance.now() + REST_MS;
  const [first] = replicas;
  if (!first) return;
  while (!(await isAtRest(recorder.session, first))) {
    if (performance.now() > deadlineMs) {
      recorder.violation(`runs of ${recorder.session} did not end within ${REST_MS} ms`);
      break;
    }
    await sleep(AGAIN_MS);
  }
  for (const replica of replicas) await readAll(recorder, replica);
  const { cursor } = await readEnd(reader(first), recorder);
  if (cursor === null) return;
  for (const run of unendedIn(recorder.history(), cursor))
    recorder.violation(`${run} of ${recorder.session} has no end in the log`);
}

function unendedIn(history: History, cursor: string): string[] {
  const known = knownLogs(history);
  if (known.fork) return [];
  const log = known.logs.find(({ id }) => cursor.startsWith(`${id}-`));
  return log ? unendedRuns(log) : [];
}

function reader({ name, origin }: Replica): Target {
  return {
    client: "reader",
    replica: name,
    origin,
    signal: AbortSignal.timeout(DELIVERED_MS),
  };
}

async function isAtRest(session: string, { origin }: Replica): Promise<boolean> {
  try {
    const response = await fetch(`${origin}${pathOf(session)}/agui/messages`);
    const text = await response.text();
    if (response.status === 404) return true;
    if (response.status !== 200) return false;
    const { activeRun, waitingRuns }: { activeRun?: unknown; waitingRuns?: unknown[] } = Object(
      JSON.parse(text),
    );
    return activeRun === null && waitingRuns?.length === 0;
  } catch {
    return false;
  }
}

async function readAll(recorder: Recorder, replica: Replica): Promise<void> {
  const deadlineMs = performance.now() + DELIVERED_MS;
  let end = await readEnd(reader(replica), recorder);
  while (end.outcome === "unknown") {
    if (performance.now() > deadlineMs)
      return recorder.violation(
        `replica ${replica.name} does not say where ${recorder.session} ends`,
      );
    await sleep(AGAIN_MS);
    end = await readEnd(reader(replica), recorder);
  }
  await exportLog(reader(replica), recorder);
  const { cursor: wanted } = end;
  if (wanted === null || wanted.endsWith("-r0")) return;
  const tail = createTail(recorder);
  await tail.follow(reader(replica), (cursor) => cursor === wanted);
  if (tail.cursor !== wanted)
    recorder.violation(
      `a viewer of replica ${replica.name} was sent ${recorder.session} up to ${tail.cursor}, and it ends at ${wanted}`,
    );
}
