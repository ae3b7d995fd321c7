import type { Context } from "hono";
import { assertAgentOf } from "../core/documents/session-agent.ts";
import { invalidBody } from "../core/model/json-fields.ts";
import { readPostedInput } from "../core/profile/posted-input.ts";
import { HEARTBEAT } from "../core/replay/sse-stream.ts";
import { openUnstoredRun } from "../core/runner/unstored-run.ts";
import type { SessionService } from "../core/service.ts";
import { accessOf, callerOf } from "./access.ts";
import { agentNamed } from "./agent-named.ts";
import { assertStreamRoom, openStream } from "./open-stream.ts";
import { problemOf } from "./problem.ts";
import { MAX_RUN_BODY, readJsonBody } from "./read-body.ts";
import { forwardedToRunner } from "./run-post.ts";
import { sessionKeyOf } from "./session-key.ts";
import { SSE_HEADERS } from "./sse-headers.ts";

/** `POST …/agui/suggest`: runs the agent for who asks alone, and stores nothing (PROTOCOL 9.10). */
export function suggestPost(service: SessionService) {
  return async (c: Context): Promise<Response> => {
    const key = sessionKeyOf(c);
    assertStreamRoom(service, accessOf(c));
    const body = await readJsonBody(c, { limitBytes: MAX_RUN_BODY, budget: service.bodyBudget });
    try {
      const posted = await readPostedInput(body.bytes);
      if (posted === null || posted.runId === null) throw invalidBody();
      const { runId, threadId } = posted;
      const agent = agentNamed(c);
      await assertAgentOf(service.directory, key, agent);
      const source = await openUnstoredRun(service, {
        key,
        runId,
        threadId: threadId ?? key.session,
        body: body.bytes,
        caller: callerOf(c),
        headers: forwardedToRunner(c, service),
        agent,
      });
      const stream = openStream(service, source, { heartbeat: HEARTBEAT, access: accessOf(c) });
      return c.body(stream, 200, { ...SSE_HEADERS });
    } catch (error) {
      return problemOf(c, error, "Runner is not available");
    } finally {
      body.release();
    }
  };
}
