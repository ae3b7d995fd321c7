import { SessionClientError } from "../../client/index.ts";
import type { SessionApi } from "../api/connection.ts";
import type { FeedPlace } from "./event-feed.ts";
import type { HistoryView } from "./event-pages.ts";
import { findRun } from "../runs/find-run.ts";
import { findTime } from "./find-time.ts";

/** What a person may write for a place: a cursor, a run's id, or a time that the browser reads. Null where there is no such place. */
export async function findPlace(
  session: SessionApi,
  text: string,
  { view, signal }: { readonly view: HistoryView; readonly signal: AbortSignal },
): Promise<FeedPlace | null> {
  if (await isCursor(session, text, signal)) return { kind: "at", cursor: text };
  const start = await startOfRun(session, text, signal);
  if (start !== null) return { kind: "after", cursor: start };
  const timeMs = Date.parse(text);
  if (Number.isNaN(timeMs)) return null;
  const cursor = await findTime(session, { timeMs, view, signal });
  return cursor === null ? null : { kind: "after", cursor };
}

/** The cursor before a run's first event; null for a run that is not known or has not begun. */
export async function startOfRun(
  session: Pick<SessionApi, "runs">,
  runId: string,
  signal: AbortSignal,
): Promise<string | null> {
  return (await findRun(session, runId, signal))?.startCursor ?? null;
}

async function isCursor(session: SessionApi, text: string, signal: AbortSignal): Promise<boolean> {
  try {
    await session.page({ before: text, limit: 1, signal });
    return true;
  } catch (error) {
    const isRefused = error instanceof SessionClientError && [400, 404].includes(error.status ?? 0);
    if (isRefused) return false;
    throw error;
  }
}
