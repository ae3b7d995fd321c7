import type { Context } from "hono";
import { MAX_PAGE_RUNS, openRunList } from "../core/history/run-list.ts";
import { type ScannedRun, unbegunRun } from "../core/history/run-row.ts";
import { findRun } from "../core/model/session-state.ts";
import { currentRuns } from "../core/runs/current-runs.ts";
import type { SessionService } from "../core/service.ts";
import type { Session } from "../core/session/session.ts";
import { RunlogError } from "../ports/errors.ts";
import { directoryOf } from "./access.ts";
import { openStream } from "./open-stream.ts";
import { limitOf } from "./query-number.ts";
import { sessionKeyOf } from "./session-key.ts";

const DEFAULT_LIMIT = 100;

/** `GET …/runs`: the session's runs, newest first (PROTOCOL 20.2). */
export function runsGet(service: SessionService) {
  return async (c: Context): Promise<Response> => {
    const key = sessionKeyOf(c);
    const { runIndexes, sessions, store } = service;
    const query = {
      cursor: c.req.query("cursor") || null,
      limit: limitOf(c, { default: DEFAULT_LIMIT, max: MAX_PAGE_RUNS }),
    };
    return sessions.with(key, async (session) => {
      await sessions.recover(key);
      // before the log is read: what has begun by then is in it
      const accepted = await unbegunRuns(service, session);
      const known = await runIndexes.update(session, c.req.raw.signal);
      if (!known && !(await directoryOf(c, service).get(key)))
        throw new RunlogError("session-not-found", "Session not found");
      const unbegun = accepted.filter(
        ({ runId }) =>
          known?.open.every((run) => run.runId !== runId) !== false &&
          findRun(session.state, runId)?.phase !== "ended",
      );
      const source = await openRunList(store, key, known, unbegun, query);
      const headers = { "Content-Type": "application/json" };
      if (c.req.method === "HEAD") {
        source.close();
        return c.body(null, 200, headers);
      }
      return c.body(openStream(service, source), 200, headers);
    });
  };
}

/** The runs that have not begun: the active one, if that is such, and those that wait, in their order. */
async function unbegunRuns({ runs }: SessionService, session: Session): Promise<ScannedRun[]> {
  await session.load();
  const { activeRun, waitingRuns } = currentRuns(runs, session);
  return [
    ...(activeRun ? [unbegunRun(activeRun, "running")] : []),
    ...waitingRuns.map((run) => unbegunRun(run, "waiting")),
  ];
}
