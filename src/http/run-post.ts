import type { Context } from "hono";
import { HEARTBEAT } from "../core/replay/sse-stream.ts";
import { isImported } from "../core/legacy/readable-log.ts";
import { dialectOf } from "../core/profile/repair/dialect.ts";
import { knownMessages, readPostedInput } from "../core/profile/posted-input.ts";
import { createProfileSource } from "../core/profile/profile-source.ts";
import type { ReplayStart } from "../core/replay/resume-point.ts";
import type { SessionService } from "../core/service.ts";
import type { Session } from "../core/session/session.ts";
import { findRun } from "../core/model/session-state.ts";
import { accessOf, callerOf } from "./access.ts";
import { assertStreamRoom, openStream } from "./open-stream.ts";
import { type JsonBody, MAX_RUN_BODY, readJsonBody } from "./read-body.ts";
import { sessionKeyOf } from "./session-key.ts";
import { acceptsEventStream, SSE_HEADERS } from "./sse-headers.ts";

/**
 * `POST …/agui/run`: starts a run in the background and answers with its ids, or with its events if
 * the client asks for a stream (PROTOCOL 5, 11.1).
 */
export function runPost(service: SessionService) {
  return async (c: Context): Promise<Response> => {
    const key = sessionKeyOf(c);
    const body = await readJsonBody(c, { limitBytes: MAX_RUN_BODY, budget: service.bodyBudget });
    if (acceptsEventStream(c)) return runStream(c, service, body);
    return c.json(await service.runs.start(key, body, callerOf(c), forwarded(c, service)));
  };
}

/** The headers of the request that are forwarded to its runner. */
function forwarded(c: Context, { forwardHeaders }: SessionService): Record<string, string> {
  const given = forwardHeaders.map((name) => [name, c.req.header(name)] as const);
  return Object.fromEntries(
    given.filter((header): header is [string, string] => header[1] !== undefined),
  );
}

/** The run's own stream; a run that was posted before is sent again. */
async function runStream(c: Context, service: SessionService, body: JsonBody): Promise<Response> {
  const key = sessionKeyOf(c);
  const { logger, profileBudgets: budgets, runs, sessions, store } = service;
  const use = sessions.use(key);
  try {
    assertStreamRoom(service);
    const posted = await readPostedInput(body.bytes);
    const dialect = dialectOf(c.req.query("profile"), posted?.protocolVersion);
    // the run itself refuses a body that is no object
    const known = posted ? await knownMessages(body.bytes, posted, dialect) : [];
    const { isRepeated, start } = await startOf(service, use.session, posted?.runId ?? null);
    const { runId, threadId } = await runs.start(key, body, callerOf(c), forwarded(c, service));
    const source = createProfileSource(use, {
      store,
      start,
      dialect,
      budgets,
      logger,
      onlyRun: runId,
      clientThreadId: posted?.threadId ?? threadId,
      known,
      // one that comes back may have the state of a later moment
      hasPostedState: !isRepeated,
      isOver: () => !runs.isInFlight(key, runId),
    });
    return c.body(openStream(service, source, { heartbeat: HEARTBEAT, access: accessOf(c) }), 200, {
      ...SSE_HEADERS,
    });
  } catch (error) {
    body.release();
    use.release();
    throw error;
  }
}

/** Where the run's events begin: after what is stored, or anywhere if it was posted before. */
async function startOf(
  { runs }: SessionService,
  session: Session,
  runId: string | null,
): Promise<{ readonly isRepeated: boolean; readonly start: ReplayStart }> {
  const readable = await session.readable();
  await session.load();
  const position = session.log.position;
  const isRepeated =
    runId !== null &&
    (runs.isInFlight(session.key, runId) || findRun(session.state, runId) !== null);
  const offset = isRepeated ? 0 : (position?.end ?? 0);
  const logId = position?.logId ?? null;
  const start: ReplayStart = {
    logId,
    compact: null,
    offset,
    full: null,
    isImported: readable !== null && isImported(readable.stat),
  };
  return { isRepeated, start };
}
