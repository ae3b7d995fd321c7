import type { Context } from "hono";
import { createEventStream, HEARTBEAT } from "../core/event-stream.ts";
import { findReplayStart } from "../core/replay.ts";
import type { SessionService } from "../core/service.ts";
import { RunlogError } from "../ports/errors.ts";
import { assertViewerRoom, openStream } from "./open-stream.ts";
import { sessionKeyOf } from "./session-key.ts";

const HEADERS: Readonly<Record<string, string>> = {
  "Content-Type": "text/event-stream",
  "Cache-Control": "no-cache",
  "X-Accel-Buffering": "no",
};

/** `GET …/agui/events`: the log from a cursor or its start, then live without end (contract 2.1). */
export function eventsGet(service: SessionService) {
  return async (c: Context): Promise<Response> => {
    const key = sessionKeyOf(c);
    checkView(c);
    // nothing is opened for a HEAD: there is no stream that somebody would have to end
    if (c.req.method === "HEAD") return c.body(null, 200, HEADERS);
    const use = service.sessions.use(key);
    try {
      const start = await findReplayStart(use.session.log, service.store, cursorOf(c));
      assertViewerRoom(use, service);
      const { store, inFlight, limits } = service;
      const source = createEventStream(use, { store, start, inFlight, retryMs: limits.retryMs });
      const stream = openStream(service, source, { heartbeat: HEARTBEAT });
      const said: Record<string, string> =
        start.full === null ? {} : { "X-Runlog-Replay": `full; reason=${start.full}` };
      return c.body(stream, 200, { ...HEADERS, ...said });
    } catch (error) {
      use.release();
      throw error;
    }
  };
}

/** Until there is a condensed log, the raw log is the default view as well. */
function checkView(c: Context): void {
  const view = c.req.query("view");
  if (view !== undefined && view !== "raw") throw new RunlogError("invalid-input", "Invalid view");
}

/** The header wins: a browser that reconnects sends its latest cursor there. Empty is none. */
function cursorOf(c: Context): string | null {
  return c.req.header("Last-Event-ID") || c.req.query("after") || null;
}
