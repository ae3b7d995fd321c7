import { FIRST_HASH, readSeal } from "../bench/hash-chain.ts";

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
  /** Of its events so far, as the runner states it. */
  hash: number;
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

const SHOWN_CHARS = 100;
const UNPOSTED: ReadonlySet<string> = new Set(["server-restarted", "run-not-started"]);

/**
 * A checker for runs whose runner numbers its events and seals each with the hash of its run so far: of each run a
 * beginning without holes is stored, byte for byte, all of it if it was finished, and the last event of each run is a
 * terminal.
 */
export function createRunChecker({ mustSurvive = false }: RunCheckerOptions = {}): RunChecker {
  const runs = new Map<string, Run>();
  const violations: string[] = [];

  function take({ type, runId, code, seq, total }: StoredEvent, text: string): void {
    if (runId === undefined) return;
    const known = runs.get(runId);
    const run = known ?? { next: 0, hash: FIRST_HASH, ended: false };
    if (!known) runs.set(runId, run);
    if (seq !== undefined || total !== undefined) takeSeal(run, runId, text);
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

  function takeSeal(run: Run, runId: string, text: string): void {
    const seal = readSeal(text, run.hash);
    if (seal?.isGood !== true)
      violations.push(`run ${runId}: not what its agent has sent: ${text.slice(0, SHOWN_CHARS)}`);
    run.hash = seal?.hash ?? run.hash;
  }

  return {
    line(text) {
      try {
        take(JSON.parse(text), text);
      } catch {
        violations.push(`no event: ${text.slice(0, SHOWN_CHARS)}`);
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
