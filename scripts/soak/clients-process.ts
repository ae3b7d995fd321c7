// All workloads of a soak, in a process of their own.
import { setTimeout as sleep } from "node:timers/promises";
import { endWithParent, receiveFromParent, sendToParent } from "../bench/child-script.ts";
import { createRandom } from "../bench/random.ts";
import { type FailedAnswer, failedAnswer } from "./failed-answer.ts";
import type { SeenRange } from "./stream-checker.ts";
import type { Workload, WorkloadContext, WorkloadSession } from "./workload.ts";
import { WORKLOADS } from "./workloads/index.ts";

/** Sent once, when all clients have gone after the parent's message. */
export interface ClientsReport {
  readonly counts: Readonly<Record<string, number>>;
  readonly seen: readonly { readonly session: string; readonly range: SeenRange }[];
  readonly violations: readonly string[];
  /** Streams that ended in order within a run, and when, in ms of the epoch. */
  readonly endedEarly: readonly { readonly what: string; readonly atMs: number }[];
  /** What was answered with a 5xx. */
  readonly failures: readonly FailedAnswer[];
}

/** A client that was refused or cut off comes back a little later. */
const PAUSE_MS = 300;

endWithParent();
const {
  port,
  seed,
  sessions,
  workloads,
  mostOfEach = Infinity,
}: {
  readonly port: number;
  readonly seed: number;
  readonly sessions: readonly WorkloadSession[];
  /** Names of those that are at work. Default: all. */
  readonly workloads?: readonly string[];
  /** So many clients of a workload at most. Default: no limit. */
  readonly mostOfEach?: number;
} = JSON.parse(process.argv[2] ?? "");

const stop = new AbortController();
const counts: Record<string, number> = {};
const seen: { session: string; range: SeenRange }[] = [];
const violations: string[] = [];
const failures: FailedAnswer[] = [];
const endedEarly: { what: string; atMs: number }[] = [];
const context: WorkloadContext = {
  port,
  sessions,
  random: createRandom(seed),
  signal: stop.signal,
  count(what) {
    counts[what] = (counts[what] ?? 0) + 1;
  },
  saw: (session, range) => void seen.push({ session, range }),
  violation: (text) => void violations.push(text),
  endedEarly: (what) => void endedEarly.push({ what, atMs: Date.now() }),
  failed: (answer) => void failures.push(failedAnswer({ ...answer, port })),
};

async function work(workload: Workload): Promise<void> {
  while (!stop.signal.aborted) {
    await workload.round(context).catch((error: unknown) => {
      // what came whole and makes no sense was not cut off
      if (error instanceof SyntaxError) context.violation(`${workload.name}: ${error.message}`);
      else context.count(`${workload.name}, cut off`);
    });
    await sleep(PAUSE_MS);
  }
}

const chosen = WORKLOADS.filter(({ name }) => workloads?.includes(name) ?? true);
const working = chosen.flatMap((workload) =>
  Array.from({ length: Math.min(workload.clients, mostOfEach) }, () => work(workload)),
);
receiveFromParent(() => {
  stop.abort();
  void Promise.all(working).then(() =>
    sendToParent({ counts, seen, violations, endedEarly, failures } satisfies ClientsReport),
  );
});
