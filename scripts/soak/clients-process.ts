// All workloads of a soak, in a process of their own.
import { setTimeout as sleep } from "node:timers/promises";
import { endWithParent, receiveFromParent, sendToParent } from "../bench/child-script.ts";
import { createRandom } from "../bench/random.ts";
import type { SeenRange } from "./stream-checker.ts";
import type { Workload, WorkloadContext, WorkloadSession } from "./workload.ts";
import { WORKLOADS } from "./workloads/index.ts";

/** Sent once, when all clients have gone after the parent's message. */
export interface ClientsReport {
  readonly counts: Readonly<Record<string, number>>;
  readonly seen: readonly { readonly session: string; readonly range: SeenRange }[];
  readonly violations: readonly string[];
}

/** A client that was refused or cut off comes back a little later. */
const PAUSE_MS = 300;

endWithParent();
const {
  port,
  seed,
  sessions,
}: {
  readonly port: number;
  readonly seed: number;
  readonly sessions: readonly WorkloadSession[];
} = JSON.parse(process.argv[2] ?? "");

const stop = new AbortController();
const counts: Record<string, number> = {};
const seen: { session: string; range: SeenRange }[] = [];
const violations: string[] = [];
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

const working = WORKLOADS.flatMap((workload) =>
  Array.from({ length: workload.clients }, () => work(workload)),
);
receiveFromParent(() => {
  stop.abort();
  void Promise.all(working).then(() =>
    sendToParent({ counts, seen, violations } satisfies ClientsReport),
  );
});
