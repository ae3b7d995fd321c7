import type { Context } from "hono";
import { knownMessages, readPostedInput } from "../core/profile/posted-input.ts";
import { dialectOf } from "../core/profile/repair/dialect.ts";
import { openRunStream } from "../core/profile/viewing.ts";
import { HEARTBEAT } from "../core/replay/sse-stream.ts";
import type { RunStartOptions } from "../core/runs/runs.ts";
import type { SessionService } from "../core/service.ts";
import { accepts } from "./accept.ts";
import { agentNamed } from "./agent-named.ts";
import { accessOf, callerOf } from "./access.ts";
import { assertStreamRoom, openStream } from "./open-stream.ts";
import { type JsonBody, MAX_RUN_BODY, readJsonBody } from "./read-body.ts";
import { sessionKeyOf } from "./session-key.ts";
import { acceptsEventStream, lastEventId, replayHeader, SSE_HEADERS } from "./sse-headers.ts";

/**
 * `POST …/agui/run`: starts a run in the background and answers with its ids, or with its events if
 * the client asks for a stream (PROTOCOL 5, 11.1).
 */
export function runPost(service: SessionService) {
  return async (c: Context): Promise<Response> => {
    const key = sessionKeyOf(c);
    const body = await readJsonBody(c, { limitBytes: MAX_RUN_BODY, budget: service.bodyBudget });
    if (wantsStream(c)) return runStream(c, service, body);
    return c.json(await service.runs.start(key, body, callerOf(c), startOptions(c, service)));
  };
}

/** TanStack AI names the run in a header, and says nothing of what it accepts. */
function wantsStream(c: Context): boolean {
  if (acceptsEventStream(c)) return true;
  const isTanstack = c.req.header("X-Run-Id") !== undefined;
  return isTanstack && !accepts(c.req.header("Accept"), "application/json");
}

function startOptions(c: Context, service: SessionService): RunStartOptions {
  return { headers: forwardedToRunner(c, service), agent: agentNamed(c) };
}

/** The headers of the request that are forwarded to its runner. */
export function forwardedToRunner(
  c: Context,
  { forwardHeaders }: SessionService,
): Record<string, string> {
  const given = forwardHeaders.map((name) => [name, c.req.header(name)] as const);
  return Object.fromEntries(
    given.filter((header): header is [string, string] => header[1] !== undefined),
  );
}

/** The run's own stream; a run that was posted before is sent again. */
async function runStream(c: Context, service: SessionService, body: JsonBody): Promise<Response> {
  const key = sessionKeyOf(c);
  try {
    assertStreamRoom(service, accessOf(c));
    const posted = await readPostedInput(body.bytes);
    const dialect = dialectOf(c.req.query("profile"), posted?.protocolVersion);
    const options = {
      dialect,
      posted,
      // the run itself refuses a body that is no object
      known: posted ? await knownMessages(body.bytes, posted, dialect) : [],
      lastId: lastEventId(c),
      startRun: () => service.runs.start(key, body, callerOf(c), startOptions(c, service)),
    };
    return await service.sessions.lend(key, async (use) => {
      const { source, full } = await openRunStream(service, use, options);
      const stream = openStream(service, source, { heartbeat: HEARTBEAT, access: accessOf(c) });
      return c.body(stream, 200, { ...SSE_HEADERS, ...replayHeader(full) });
    });
  } catch (error) {
    body.release();
    throw error;
  }
}
