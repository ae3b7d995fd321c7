import type { Context } from "hono";
import { openEvents } from "../core/profile/viewing.ts";
import { comeBackSoon, HEARTBEAT } from "../core/replay/sse-stream.ts";
import type { SessionService } from "../core/service.ts";
import { accessOf } from "./access.ts";
import { assertViewerRoom, openStream } from "./open-stream.ts";
import { sessionKeyOf } from "./session-key.ts";
import { lastEventId, replayHeader, SSE_HEADERS } from "./sse-headers.ts";
import { streamViewOf } from "./view.ts";

/** `GET …/agui/events`: the history from a cursor or its start, then live without end (PROTOCOL 4). */
export function eventsGet(service: SessionService) {
  return async (c: Context): Promise<Response> => {
    const view = streamViewOf(c);
    // a HEAD request opens no stream that would have to be ended
    if (c.req.method === "HEAD") return c.body(null, 200, { ...SSE_HEADERS });
    return service.sessions.lend(sessionKeyOf(c), async (use) => {
      assertViewerRoom(use, service);
      const { source, full } = await openEvents(service, use, { cursor: cursorOf(c), view });
      const stream = openStream(service, source, {
        heartbeat: HEARTBEAT,
        farewell: comeBackSoon,
        access: accessOf(c),
      });
      return c.body(stream, 200, { ...SSE_HEADERS, ...replayHeader(full) });
    });
  };
}

/** The header wins: a browser that reconnects sends its latest cursor there. */
function cursorOf(c: Context): string | null {
  return lastEventId(c) ?? (c.req.query("after") || null);
}
