import type { Context } from "hono";
import { findStream } from "../core/log-streams/find-stream.ts";
import { formatOffset } from "../core/log-streams/stream-offset.ts";
import { createSession, runnerEnvironment } from "../core/lifecycle/session-commands.ts";
import { planBatch } from "../core/pushed-runs/batch-plan.ts";
import { type PushedEvents, readPushedEvents } from "../core/pushed-runs/pushed-events.ts";
import type { SessionService } from "../core/service.ts";
import { hasCode, RunlogError } from "../ports/errors.ts";
import type { SessionKey } from "../ports/log-store.ts";
import { accessOf, callerOf, directoryOf } from "./access.ts";
import { problem } from "./problem.ts";
import { type JsonBody, MAX_RUN_BODY, readJsonBody } from "./read-body.ts";
import { failed } from "./session-change.ts";
import { sessionKeyOf } from "./session-key.ts";
import { assertOffered, hasStream } from "./stream-terms.ts";

const decoder = new TextDecoder();
/** A body of so many bytes may be one without events. */
const MAX_BLANK = 1_024;

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
    const body = await bodyOf(c, service, type);
    try {
      const content = body && (await contentOf(body, key));
      const isNew = !isThere && (await create(c, service, key));
      if (content) await begin(c, service, { key, content, isNew });
      return await answer(c, service, key, isNew);
    } catch (error) {
      return failed(c, service, error, "Failed to create agentic session");
    } finally {
      body?.release();
    }
  };
}

/** What the request has as its body; null for none. Throws as `readJsonBody`. */
async function bodyOf(
  c: Context,
  { bodyBudget }: SessionService,
  type: string | undefined,
): Promise<JsonBody | null> {
  if (type !== undefined) return readJsonBody(c, { limitBytes: MAX_RUN_BODY, budget: bodyBudget });
  for await (const chunk of c.req.raw.body ?? [])
    if (chunk.length > 0)
      throw new RunlogError("invalid-input", "Content-Type is missing: application/json");
  return null;
}

/** The events with which the stream begins; null for none. Throws `invalid-input` before anything is made. */
async function contentOf({ bytes }: JsonBody, key: SessionKey): Promise<PushedEvents | null> {
  if (bytes.length <= MAX_BLANK && /^\s*(\[\s*\])?\s*$/.test(decoder.decode(bytes))) return null;
  const events = await readPushedEvents(bytes);
  planBatch(events, {
    openRun: null,
    wasOpen: false,
    isNewEpoch: false,
    isKnown: () => false,
    defaultThreadId: key.session,
  });
  return events;
}

interface Beginning {
  readonly key: SessionKey;
  readonly content: PushedEvents;
  readonly isNew: boolean;
}

/**
 * Stores the events with which a stream begins. That of an earlier request is left as it is, unless nothing is stored:
 * then an earlier one may have been cut off, and `session-exists` says so. A session that is new stays if they cannot be
 * stored: somebody else may be pushing to it already.
 */
async function begin(
  c: Context,
  service: SessionService,
  { key, content, isNew }: Beginning,
): Promise<void> {
  if (!isNew) {
    const stat = await service.sessions.with(key, (session) => session.readable());
    if (stat && stat.stat.end.raw > 0) return;
    throw new RunlogError("session-exists", "The session exists and is empty: POST its events");
  }
  await accessOf(c).confirm("now");
  await service.pushes.push(key, content, null);
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
