import type { Context } from "hono";
import { assertAgentOf } from "../core/documents/session-agent.ts";
import { invalidBody } from "../core/model/json-fields.ts";
import { readPostedInput } from "../core/profile/posted-input.ts";
import { dialectOf } from "../core/profile/repair/dialect.ts";
import { openConnect } from "../core/profile/viewing.ts";
import { HEARTBEAT } from "../core/replay/sse-stream.ts";
import type { SessionService } from "../core/service.ts";
import { accessOf } from "./access.ts";
import { agentNamed } from "./agent-named.ts";
import { assertStreamRoom, openStream } from "./open-stream.ts";
import { MAX_RUN_BODY, readJsonBody } from "./read-body.ts";
import { sessionKeyOf } from "./session-key.ts";
import { lastEventId, replayHeader, SSE_HEADERS } from "./sse-headers.ts";
import { streamViewOf } from "./view.ts";

/**
 * `POST …/agui/connect`: a session's history and what follows, for any client of the AG-UI
 * standard, until no run is active (PROTOCOL 11).
 */
export function connectPost(service: SessionService) {
  return async (c: Context): Promise<Response> => {
    const view = streamViewOf(c);
    assertStreamRoom(service, accessOf(c));
    const body = await readJsonBody(c, { limitBytes: MAX_RUN_BODY, budget: service.bodyBudget });
    let posted;
    try {
      posted = await readPostedInput(body.bytes);
    } finally {
      body.release();
    }
    if (!posted) throw invalidBody();
    await assertAgentOf(service.directory, sessionKeyOf(c), agentNamed(c));
    const dialect = dialectOf(c.req.query("profile"), posted.protocolVersion);
    const options = { view, dialect, posted, lastId: lastEventId(c) };
    return service.sessions.lend(sessionKeyOf(c), async (use) => {
      const { source, full } = await openConnect(service, use, options);
      const stream = openStream(service, source, { heartbeat: HEARTBEAT, access: accessOf(c) });
      return c.body(stream, 200, { ...SSE_HEADERS, ...replayHeader(full) });
    });
  };
}
