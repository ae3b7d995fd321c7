import type { Context } from "hono";
import { findStream } from "../core/log-streams/find-stream.ts";
import { formatOffset } from "../core/log-streams/stream-offset.ts";
import { createSession, runnerEnvironment } from "../core/lifecycle/session-commands.ts";
import type { SessionService } from "../core/service.ts";
import { hasCode, RunlogError } from "../ports/errors.ts";
import type { SessionKey } from "../ports/log-store.ts";
import { callerOf, directoryOf } from "./access.ts";
import { problem } from "./problem.ts";
import { MAX_SMALL_BODY, readJsonBody } from "./read-body.ts";
import { failed } from "./session-change.ts";
import { sessionKeyOf } from "./session-key.ts";
import { assertOffered, hasStream } from "./stream-terms.ts";

const decoder = new TextDecoder();

/** `PUT /v1/streams/{project}/{session}`: creates the session, unless there is one (PROTOCOL 23.6). */
export function streamPut(service: SessionService) {
  return async (c: Context): Promise<Response> => {
    const key = sessionKeyOf(c);
    assertOffered(c, [
      "stream-ttl",
      "stream-expires-at",
      "stream-forked-from",
      "stream-fork-offset",
      "stream-fork-sub-offset",
      "stream-closed",
    ]);
    const isThere = await hasStream(c, service, key);
    const type = c.req.header("Content-Type");
    if (type !== undefined && !/^application\/json\s*(;|$)/i.test(type)) {
      const detail = "A session's stream is application/json";
      return problem(c, { code: isThere ? "content-type-mismatch" : "wrong-content-type", detail });
    }
    await assertNoContent(c, service, type);
    try {
      const isNew = !isThere && (await create(c, service, key));
      return await answer(c, service, key, isNew);
    } catch (error) {
      return failed(c, service, error, "Failed to create agentic session");
    }
  };
}

/** A stream begins empty: a body may say so. Throws `invalid-input`. */
async function assertNoContent(
  c: Context,
  { bodyBudget }: SessionService,
  type: string | undefined,
): Promise<void> {
  if (type === undefined) {
    for await (const chunk of c.req.raw.body ?? []) if (chunk.length > 0) throw notEmpty();
    return;
  }
  const body = await readJsonBody(c, { limitBytes: MAX_SMALL_BODY, budget: bodyBudget });
  body.release();
  if (!/^\s*(\[\s*\])?\s*$/.test(decoder.decode(body.bytes))) throw notEmpty();
}

/** False if somebody else was faster. */
async function create(c: Context, service: SessionService, key: SessionKey): Promise<boolean> {
  const request = {
    project: key.project,
    body: { name: key.session },
    caller: callerOf(c),
  };
  try {
    const environment = await runnerEnvironment(service, request);
    await createSession(service, directoryOf(c, service), request, environment);
    return true;
  } catch (error) {
    if (hasCode(error, "session-exists")) return false;
    throw error;
  }
}

function answer(
  c: Context,
  service: SessionService,
  key: SessionKey,
  isNew: boolean,
): Promise<Response> {
  const { store } = service;
  return service.sessions.with(key, async (session) => {
    const readable = await session.readable();
    const place = await findStream({ store, session, readable, runId: null, asked: "now" });
    return c.body(null, isNew ? 201 : 200, {
      "Content-Type": "application/json",
      "Stream-Next-Offset": formatOffset(place.offset),
      ...(isNew && { Location: c.req.url }),
    });
  });
}

function notEmpty(): RunlogError {
  return new RunlogError("invalid-input", "A stream is created empty: POST its events");
}
