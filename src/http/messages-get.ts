import type { Context } from "hono";
import { formatCursor } from "../core/model/cursor.ts";
import { hashText } from "../core/model/posted-message-ids.ts";
import { createMessagesNow } from "../core/profile/messages-now.ts";
import { findReplayStart } from "../core/replay/resume-point.ts";
import { type CurrentRuns, currentRuns } from "../core/runs/current-runs.ts";
import type { SessionService } from "../core/service.ts";
import { RunlogError } from "../ports/errors.ts";
import { directoryOf } from "./access.ts";
import { openStream } from "./open-stream.ts";
import { sessionKeyOf } from "./session-key.ts";

/** A space, which may stand between the members of a JSON object. */
const HEARTBEAT = Uint8Array.of(0x20);

/** `GET …/agui/messages`: what a session is now, as one JSON object (PROTOCOL 12.6). */
export function messagesGet(service: SessionService) {
  return async (c: Context): Promise<Response> => {
    const key = sessionKeyOf(c);
    const { compactor, logger, profileBudgets: budgets, runs, sessions, store } = service;
    const use = sessions.use(key);
    try {
      const { session } = use;
      if (await session.load()) await sessions.recover(key);
      const start = await findReplayStart(session, { store, cursor: null, view: "condensed" });
      await session.load();
      const { logId } = start;
      if (logId === null && !(await directoryOf(c, service).get(key)))
        throw new RunlogError("session-not-found", "Session not found");
      if (logId !== null) compactor.request(key);
      const end = session.log.position?.end ?? 0;
      const position = logId === null ? null : ({ log: "raw", logId, offset: end } as const);
      const current = currentRuns(runs, session);
      const headers = {
        "Content-Type": "application/json",
        ETag: etagOf(position && formatCursor(position), current),
      };
      const isKnown = matches(c.req.header("If-None-Match"), headers.ETag);
      if (isKnown || c.req.method === "HEAD") {
        use.release();
        return isKnown ? c.body(null, 304, { ETag: headers.ETag }) : c.body(null, 200, headers);
      }
      const { activeRun, waitingRuns } = current;
      const said = session.state.runs.findLast(({ threadId }) => threadId !== "");
      const threadId = activeRun?.threadId ?? said?.threadId ?? key.session;
      const options = { store, start, budgets, logger, threadId, position, activeRun, waitingRuns };
      const source = createMessagesNow(use, options);
      return c.body(openStream(service, source, { heartbeat: HEARTBEAT }), 200, headers);
    } catch (error) {
      use.release();
      throw error;
    }
  };
}

/** The cursor, and what of the runs does not change with the log. */
function etagOf(cursor: string | null, current: CurrentRuns): string {
  const { activeRun, waitingRuns, isOfLog } = current;
  const runs = [activeRun, ...waitingRuns].map((run) => run?.runId);
  const rest = isOfLog ? "" : `+${hashText(JSON.stringify(runs)).toString(36)}`;
  return `"${cursor ?? "none"}${rest}"`;
}

/** Whether an `If-None-Match` names the tag, weak or not. */
function matches(header: string | undefined, etag: string): boolean {
  const tags = (header ?? "").split(",").map((tag) => tag.trim().replace(/^W\//, ""));
  return tags.includes(etag) || tags.includes("*");
}
