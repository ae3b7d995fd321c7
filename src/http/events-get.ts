import type { Context } from "hono";
import { createEventStream, comeBackSoon, HEARTBEAT } from "../core/replay/sse-stream.ts";
import { readAmbientSnapshot } from "../core/profile/profile-source.ts";
import { findReplayStart, type ReplayStart } from "../core/replay/resume-point.ts";
import type { SessionService } from "../core/service.ts";
import type { SessionUse } from "../core/session/session-registry.ts";
import { accessOf } from "./access.ts";
import { assertViewerRoom, openStream } from "./open-stream.ts";
import { sessionKeyOf } from "./session-key.ts";
import { replayHeader, SSE_HEADERS } from "./sse-headers.ts";
import { streamViewOf } from "./view.ts";

/** `GET …/agui/events`: the history from a cursor or its start, then live without end (PROTOCOL 4). */
export function eventsGet(service: SessionService) {
  return async (c: Context): Promise<Response> => {
    const key = sessionKeyOf(c);
    const view = streamViewOf(c);
    // a HEAD request opens no stream that would have to be ended
    if (c.req.method === "HEAD") return c.body(null, 200, { ...SSE_HEADERS });
    const use = service.sessions.use(key);
    try {
      const { store, compactor, reads, limits } = service;
      const cursor = cursorOf(c);
      const history = view === "raw" ? "raw" : "condensed";
      const found = await findReplayStart(use.session, { store, cursor, view: history });
      // viewers get the end of a run as soon as it is stored
      if (found.logId !== null) void service.sessions.recover(key);
      // runs that an earlier process did not end
      if (history === "condensed" && found.logId !== null) compactor.request(key);
      assertViewerRoom(use, service);
      const isFresh = cursor === null || found.full !== null;
      const { preface, ...start }: PrefacedStart =
        view === "snapshot" && isFresh ? await snapshotStart(service, use, found) : found;
      const { retryMs } = limits;
      const options = { store, start, reads, retryMs, ...(preface && { preface }) };
      const source = createEventStream(use, options);
      const stream = openStream(service, source, {
        heartbeat: HEARTBEAT,
        farewell: comeBackSoon,
        access: accessOf(c),
      });
      return c.body(stream, 200, { ...SSE_HEADERS, ...replayHeader(start.full) });
    } catch (error) {
      use.release();
      throw error;
    }
  };
}

type PrefacedStart = ReplayStart & { readonly preface?: Uint8Array<ArrayBuffer> };

/** Begins after a snapshot of the session; at the start if there can be none. */
async function snapshotStart(
  { logger, profileBudgets: budgets, store }: SessionService,
  use: SessionUse,
  found: ReplayStart,
): Promise<PrefacedStart> {
  if ((use.session.log.position?.end ?? 0) === 0) return found;
  const snapshot = await readAmbientSnapshot(use, { store, start: found, budgets, logger });
  if (!snapshot) return { ...found, full: "snapshot-too-large" };
  const { frames: preface, position } = snapshot;
  return { ...found, logId: position.logId, compact: null, offset: position.offset, preface };
}

/**
 * The header wins: a browser that reconnects sends its latest cursor there. Empty counts as
 * missing.
 */
function cursorOf(c: Context): string | null {
  return c.req.header("Last-Event-ID") || c.req.query("after") || null;
}
