import type { Context } from "hono";
import { HEARTBEAT } from "../core/replay/sse-stream.ts";
import { invalidBody } from "../core/model/json-fields.ts";
import { dialectOf } from "../core/profile/repair/dialect.ts";
import { readPostedInput } from "../core/profile/posted-input.ts";
import type { ProfileSourceOptions } from "../core/profile/profile-pass.ts";
import { createProfileSource, createSnapshotSource } from "../core/profile/profile-source.ts";
import { findReplayStart } from "../core/replay/resume-point.ts";
import type { SessionService } from "../core/service.ts";
import type { SessionUse } from "../core/session/session-registry.ts";
import { openingSource } from "../stream/sse/opening-source.ts";
import type { ChunkSource } from "../stream/sse/paced-stream.ts";
import { accessOf } from "./access.ts";
import { assertStreamRoom, openStream } from "./open-stream.ts";
import { MAX_RUN_BODY, readJsonBody } from "./read-body.ts";
import { sessionKeyOf } from "./session-key.ts";
import { replayHeader, SSE_HEADERS } from "./sse-headers.ts";
import { type StreamView, streamViewOf } from "./view.ts";

/** A shorter history is sent as it is: searching for something smaller would cost more. */
const SHORT_HISTORY_BYTES = 256 * 1024;

/**
 * `POST …/agui/connect`: a session's history and what follows, for any client of the AG-UI
 * standard, until no run is active (PROTOCOL 11).
 */
export function connectPost(service: SessionService) {
  return async (c: Context): Promise<Response> => {
    const key = sessionKeyOf(c);
    const view = streamViewOf(c);
    assertStreamRoom(service);
    const { bodyBudget: budget, backgroundEvents, compactor, logger, runs, store } = service;
    const budgets = service.profileBudgets;
    const body = await readJsonBody(c, { limitBytes: MAX_RUN_BODY, budget });
    let posted;
    try {
      posted = await readPostedInput(body.bytes);
    } finally {
      body.release();
    }
    if (!posted) throw invalidBody();
    const dialect = dialectOf(c.req.query("profile"), posted.protocolVersion);
    const use = service.sessions.use(key);
    try {
      const start = await findReplayStart(use.session, {
        store,
        cursor: null,
        view: view === "raw" ? "raw" : "condensed",
      });
      // a stream that ends once no run is active ends as the run did
      const recovered = start.logId === null ? null : service.sessions.recover(key);
      if (!start.isImported) await recovered;
      // runs that an earlier process did not end
      if (view !== "raw" && start.logId !== null) compactor.request(key);
      const { source, said } = await sourceFor(use, view, {
        store,
        start,
        dialect,
        budgets,
        logger,
        isWarm: posted.messageCount > 0,
        ...(posted.threadId !== null && { clientThreadId: posted.threadId }),
        isOver: () => !runs.isRunning(key) && backgroundEvents.openRun(key) === null,
      });
      const stream = openStream(service, source, { heartbeat: HEARTBEAT, access: accessOf(c) });
      return c.body(stream, 200, { ...SSE_HEADERS, ...said });
    } catch (error) {
      use.release();
      throw error;
    }
  };
}

/** The source of a view, and its headers. */
async function sourceFor(
  use: SessionUse,
  view: StreamView,
  options: ProfileSourceOptions,
): Promise<{ readonly source: ChunkSource; readonly said: Record<string, string> }> {
  const { compact, offset } = options.start;
  const rawBytes = (use.session.log.position?.end ?? 0) - offset;
  const historyBytes = rawBytes + (compact ? compact.end - compact.start : 0);
  if (view === "raw" || (view === "condensed" && historyBytes < SHORT_HISTORY_BYTES))
    return { source: createProfileSource(use, options), said: {} };
  if (view !== "snapshot") {
    // a long history takes a while to read: the answer begins first
    const source = openingSource({
      first: HEARTBEAT,
      open: async (signal) =>
        (await createSnapshotSource(use, { ...options, isForced: false, signal })).source,
      onClosed: () => use.release(),
    });
    return { source, said: {} };
  }
  // the header depends on whether it is a snapshot
  const { source, isSnapshot } = await createSnapshotSource(use, { ...options, isForced: true });
  return { source, said: replayHeader(isSnapshot ? null : "snapshot-too-large") };
}
