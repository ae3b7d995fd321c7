import type { EventFacts } from "./runner-client.ts";

/** The members of an event's top level that facts are made of. */
export const FACT_KEYS: readonly string[] = [
  "type",
  "runId",
  "run_id",
  "toolCallId",
  "toolCallName",
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
    toolCallId: found.value("toolCallId"),
    toolCallName: found.value("toolCallName"),
  };
}
