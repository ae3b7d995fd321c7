import type { EventFacts } from "./runner-client.ts";

/** The members of an event that facts are made of. */
export const FACT_KEYS: readonly string[] = [
  "type",
  "runId",
  "run_id",
  "runnerRunId",
  "toolCallId",
  "toolCallName",
  "name",
  "outcome.type",
];

/** What a scanner that was made with FACT_KEYS has found. */
interface FoundValues {
  value(key: string): string | null;
}

/** The facts of an event of `bytes` bytes, its LF included, that has been scanned. */
export function factsOf(found: FoundValues, bytes: number): EventFacts {
  return {
    bytes,
    type: found.value("type") ?? "",
    runId: found.value("runId") ?? found.value("run_id"),
    runnerRunId: found.value("runnerRunId"),
    toolCallId: found.value("toolCallId"),
    toolCallName: found.value("toolCallName"),
    name: found.value("name"),
    outcome: found.value("outcome.type"),
  };
}
