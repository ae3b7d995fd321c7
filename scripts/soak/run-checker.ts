/** Checks the events of runs, in the order in which they are stored. */
export interface RunChecker {
  line(text: string): void;
  /** What was wrong, when all lines have passed and these runs were accepted. */
  finish(accepted: readonly string[]): string[];
}

export interface RunCheckerOptions {
  /** Whether no run may fail that its agent has begun. Default false. */
  readonly mustSurvive?: boolean;
}

interface Run {
  /** Number that the runner's next event has. */
  next: number;
  ended: boolean;
}

interface StoredEvent {
  readonly type: string;
  readonly runId?: string;
  /** Of a RUN_ERROR. */
  readonly code?: string;
  /** Number of the runner's event in its run, from 0 on. */
  readonly seq?: number;
  /** In RUN_FINISHED: how many numbered events there were. */
  readonly total?: number;
}

const UNPOSTED: ReadonlySet<string> = new Set(["server-restarted", "run-not-started"]);

/**
 * A checker for runs whose runner numbers its events: of each run a beginning without holes is stored,
 * all of it if it was finished, and the last event of each run is a terminal.
 */
export function createRunChecker({ mustSurvive = false }: RunCheckerOptions = {}): RunChecker {
  const runs = new Map<string, Run>();
  const violations: string[] = [];

  function take({ type, runId, code, seq, total }: StoredEvent): void {
    if (runId === undefined) return;
    const known = runs.get(runId);
    const run = known ?? { next: 0, ended: false };
    if (!known) runs.set(runId, run);
    if (run.ended) violations.push(`run ${runId}: ${type} behind its end`);
    if (seq !== undefined && seq !== run.next++)
      violations.push(`run ${runId}: event ${seq} instead of ${run.next - 1}`);
    if (type === "RUN_FINISHED" && total !== undefined && total !== run.next)
      violations.push(`run ${runId}: finished with ${run.next} of ${total} events`);
    // a kill before a run was posted to its agent leaves nobody who could go on with it
    const isUnposted = run.next === 0 && UNPOSTED.has(code ?? "");
    if (type === "RUN_ERROR" && mustSurvive && !isUnposted)
      violations.push(`run ${runId}: failed with ${code} after ${run.next} events`);
    if (type === "RUN_FINISHED" || type === "RUN_ERROR") run.ended = true;
  }

  return {
    line(text) {
      try {
        take(JSON.parse(text));
      } catch {
        violations.push(`no event: ${text.slice(0, 100)}`);
      }
    },
    finish(accepted) {
      for (const runId of accepted)
        if (!runs.has(runId)) violations.push(`run ${runId} was accepted and is not stored`);
      for (const [runId, { ended }] of runs) if (!ended) violations.push(`run ${runId} has no end`);
      return violations;
    },
  };
}
