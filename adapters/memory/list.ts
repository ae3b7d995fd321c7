import { RunlogError } from "../../src/ports/errors.ts";
import type { ListOptions, LogPage, SessionKey } from "../../src/ports/log-store.ts";
import { compareSessions } from "./session-log.ts";
import type { SessionLog } from "./session-log.ts";

const MAX_PAGE = 1000;

/**
 * The page of `logs` that `options` ask for. Its cursor is the name of the last session on it, so
 * that it stays right whatever comes or goes between two pages.
 */
export function pageOf(logs: Iterable<SessionLog>, options: ListOptions): LogPage {
  const { project, after, limit = 500 } = options;
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_PAGE)
    throw new RunlogError("invalid-input", `A page has 1 to ${MAX_PAGE} items`);
  const last = after === undefined ? null : parseCursor(after);
  const rest = [...logs]
    .filter((log) => project === undefined || log.project === project)
    .filter((log) => last === null || compareSessions(log, last) > 0)
    .sort(compareSessions);
  const items = rest.slice(0, limit).map((log) => ({
    project: log.project,
    session: log.session,
    logId: log.logId,
    createdAtMs: log.createdAtMs,
  }));
  const end = items.at(-1);
  const next = end !== undefined && rest.length > limit ? `${end.project}/${end.session}` : null;
  return { items, next };
}

function parseCursor(after: string): SessionKey {
  const [project, session, ...rest] = after.split("/");
  if (project === undefined || session === undefined || rest.length > 0)
    throw new RunlogError("invalid-input", "The page cursor is not one of this store");
  return { project, session };
}
