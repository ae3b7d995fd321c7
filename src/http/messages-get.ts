import type { Context } from "hono";
import { formatCursor } from "../core/model/cursor.ts";
import { hashText } from "../core/model/posted-message-ids.ts";
import { findSessionNow } from "../core/profile/viewing.ts";
import type { CurrentRuns } from "../core/runs/current-runs.ts";
import type { SessionService } from "../core/service.ts";
import { RunlogError } from "../ports/errors.ts";
import { directoryOf } from "./access.ts";
import { openStream } from "./open-stream.ts";
import { sessionKeyOf } from "./session-key.ts";

/** A space, which may stand between the members of a JSON object. */
export const JSON_HEARTBEAT: Uint8Array<ArrayBuffer> = Uint8Array.of(0x20);

/** `GET …/agui/messages`: what a session is now, as one JSON object (PROTOCOL 12.6). */
export function messagesGet(service: SessionService) {
  return async (c: Context): Promise<Response> => {
    const key = sessionKeyOf(c);
    return service.sessions.lend(key, async (use) => {
      const { position, runs, open } = await findSessionNow(service, use);
      if (position === null && !(await directoryOf(c, service).get(key)))
        throw new RunlogError("session-not-found", "Session not found");
      const ETag = etagOf(position && formatCursor(position), runs);
      const headers = { "Content-Type": "application/json", ETag };
      const isKnown = matches(c.req.header("If-None-Match"), ETag);
      if (!isKnown && c.req.method !== "HEAD")
        return c.body(openStream(service, open(), { heartbeat: JSON_HEARTBEAT }), 200, headers);
      use.release();
      return isKnown ? c.body(null, 304, { ETag }) : c.body(null, 200, headers);
    });
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
