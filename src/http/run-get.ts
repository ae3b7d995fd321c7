import type { Context } from "hono";
import { dialectOf } from "../core/profile/repair/dialect.ts";
import { findSessionNow, openJoinedRun } from "../core/profile/viewing.ts";
import { HEARTBEAT } from "../core/replay/sse-stream.ts";
import type { SessionService } from "../core/service.ts";
import { RunlogError } from "../ports/errors.ts";
import { accessOf, directoryOf } from "./access.ts";
import { JSON_HEARTBEAT } from "./messages-get.ts";
import { assertStreamRoom, openStream } from "./open-stream.ts";
import { sessionKeyOf } from "./session-key.ts";
import { lastEventId, replayHeader, SSE_HEADERS } from "./sse-headers.ts";

/**
 * `GET …/agui/run`: what a chat of TanStack AI asks for at the address of its runs when its page is loaded, its messages
 * (`?threadId=`) or a run that goes on (`?offset=-1&runId=`) (PROTOCOL 12.7).
 */
export function runGet(service: SessionService) {
  return async (c: Context): Promise<Response> => {
    const { runId, threadId } = c.req.query();
    if (runId) return joinedRun(c, service, runId);
    if (threadId) return thread(c, service);
    const detail = "Name a run (?offset=-1&runId=) or a thread (?threadId=); runs are posted here";
    throw new RunlogError("invalid-input", detail);
  };
}

async function thread(c: Context, service: SessionService): Promise<Response> {
  const key = sessionKeyOf(c);
  return service.sessions.lend(key, async (use) => {
    const { position, openThread } = await findSessionNow(service, use);
    if (position === null && !(await directoryOf(c, service).get(key)))
      throw new RunlogError("session-not-found", "Session not found");
    const headers = { "Content-Type": "application/json", "Cache-Control": "no-cache" };
    if (c.req.method === "HEAD") {
      use.release();
      return c.body(null, 200, headers);
    }
    const stream = openStream(service, openThread(), { heartbeat: JSON_HEARTBEAT });
    return c.body(stream, 200, headers);
  });
}

/** The run's stream from its beginning, or after `Last-Event-ID`. */
async function joinedRun(c: Context, service: SessionService, runId: string): Promise<Response> {
  const { offset } = c.req.query();
  if (offset !== undefined && offset !== "-1")
    throw new RunlogError("invalid-input", "A run is joined at its beginning: offset=-1");
  assertStreamRoom(service, accessOf(c));
  const options = {
    runId,
    dialect: dialectOf(c.req.query("profile"), null),
    lastId: lastEventId(c),
  };
  return service.sessions.lend(sessionKeyOf(c), async (use) => {
    const { source, full } = await openJoinedRun(service, use, options);
    if (c.req.method === "HEAD") {
      source.close();
      return c.body(null, 200, { ...SSE_HEADERS });
    }
    const stream = openStream(service, source, { heartbeat: HEARTBEAT, access: accessOf(c) });
    return c.body(stream, 200, { ...SSE_HEADERS, ...replayHeader(full) });
  });
}
