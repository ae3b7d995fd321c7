import type { EventBatch, EventFacts } from "../../ports/runner-client.ts";
import { isOfRuns, resolveRun } from "../model/run-span.ts";
import { factsOfLine, runStarted } from "../model/server-events.ts";
import { asFromRunner, selectEvents } from "../session/filter-batch.ts";
import type { OpenRun } from "./append-run-error.ts";
import { progressAfter, type RunProgress } from "./run-progress.ts";

/** A batch of a runner's as it is stored, and how far its run is then. */
interface StoredBatch {
  /** The RUN_STARTED that comes before it, or null. */
  readonly added: Uint8Array<ArrayBuffer> | null;
  readonly batch: EventBatch;
  readonly progress: RunProgress;
}

type Run = Pick<OpenRun, "clock" | "runId" | "threadId">;

interface Context {
  /** How far the run is before it. */
  readonly progress: RunProgress;
  /** Whether no other run may have begun, to which a reader of the log would assign what begins or ends runs. */
  readonly ownsRuns: boolean;
}

/** What is stored of a batch that a run's runner has sent. */
export function storedBatch(
  sent: EventBatch,
  run: Run,
  { progress: before, ownsRuns }: Context,
): StoredBatch {
  const batch = asFromRunner(ownsRuns ? sent : withoutRuns(sent));
  let progress = before;
  let added: Uint8Array<ArrayBuffer> | null = null;
  for (const event of batch.events) {
    if (progress.finished) break;
    const first = missingStart(event, progress, run);
    if (first) progress = progressAfter(progress, factsOfLine(first), run.runId);
    added ??= first;
    progress = progressAfter(progress, event, run.runId);
  }
  return { added, batch, progress };
}

/** The batch after a line that the runner did not send. */
export function afterLine(line: Uint8Array, { lines, events }: EventBatch): EventBatch {
  return { lines: [line, ...lines], events: [factsOfLine(line), ...events] };
}

/**
 * The RUN_STARTED to be added where the runner sent none with the run's id. A log of many runs
 * has to name the run that fails before it begins, ends, or has another id at its runner.
 */
function missingStart(
  event: EventFacts,
  { started, span }: RunProgress,
  { clock, runId, threadId }: Run,
): Uint8Array<ArrayBuffer> | null {
  if (started || !isOfRuns(event)) return null;
  const isNamed = resolveRun(span, event.runId) === runId;
  if (isNamed && event.type !== "RUN_ERROR") return null;
  const runnerRunId = event.type === "RUN_STARTED" ? (event.runId ?? "") : null;
  return runStarted({ threadId, runId, timestamp: clock.now() }, runnerRunId);
}

/** The batch without the events that begin or end runs. */
function withoutRuns(batch: EventBatch): EventBatch {
  if (!batch.events.some(isOfRuns)) return batch;
  return selectEvents(
    batch,
    batch.events.map((event) => !isOfRuns(event)),
  );
}
