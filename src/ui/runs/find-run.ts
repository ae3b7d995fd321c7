import type { RunFacts } from "../../client/index.ts";
import type { SessionApi } from "../api/connection.ts";

const RUNS_A_PAGE = 5_000;

/** A run of the session by its id; null if it is not known. */
export async function findRun(
  session: Pick<SessionApi, "runs">,
  runId: string,
  signal: AbortSignal,
): Promise<RunFacts | null> {
  let cursor: string | null = "";
  while (cursor !== null) {
    const page = await session.runs({ limit: RUNS_A_PAGE, ...(cursor && { cursor }), signal });
    const found = page.runs.find((run) => run.runId === runId);
    if (found) return found;
    cursor = page.next;
  }
  return null;
}
