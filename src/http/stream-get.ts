import type { Context } from "hono";
import { waitForPart } from "../core/log-streams/wait-for-part.ts";
import { createLiveStream } from "../core/log-streams/live-stream.ts";
import { findStream, placeOf, type StreamPlace } from "../core/log-streams/find-stream.ts";
import { jsonPart } from "../core/log-streams/json-part.ts";
import { type AskedOffset, formatOffset, parseOffset } from "../core/log-streams/stream-offset.ts";
import { createSessionReader } from "../core/log-streams/stream-reader.ts";
import type { ReadableLog } from "../core/log/readable-log.ts";
import type { ByteRange } from "../core/model/byte-range.ts";
import { comeBackSoon, HEARTBEAT } from "../core/replay/sse-stream.ts";
import type { SessionService } from "../core/service.ts";
import type { Session } from "../core/session/session.ts";
import type { SessionUse } from "../core/session/session-registry.ts";
import { RunlogError } from "../ports/errors.ts";
import { accessOf, directoryOf } from "./access.ts";
import { assertViewerRoom, openStream } from "./open-stream.ts";
import { sessionKeyOf } from "./session-key.ts";
import { SSE_HEADERS } from "./sse-headers.ts";
import { streamCursor } from "./stream-cursor.ts";

const JSON_TYPE = { "Content-Type": "application/json" };
/** Its parts are looked at again each time, which the ETag makes cheap. */
const REVALIDATED = { "Cache-Control": "private, no-cache" };
const NOT_STORED = { "Cache-Control": "no-store" };

type Live = "long-poll" | "sse" | null;

/** What a request asks for. */
interface Question {
  readonly runId: string | null;
  readonly asked: AskedOffset;
  readonly live: Live;
  readonly cursor: string | undefined;
}

/** `GET|HEAD /v1/streams/{project}/{session}` and `…/runs/{runId}` (PROTOCOL 23.2-23.5). */
export function streamGet(service: SessionService) {
  return (c: Context): Promise<Response> => {
    const question = questionOf(c);
    return service.sessions.lend(sessionKeyOf(c), async (use) => {
      const readable = await readableLog(c, service, use.session);
      const { store } = service;
      const { runId } = question;
      const isHead = c.req.method === "HEAD";
      const asked = isHead ? "now" : question.asked;
      const place = await findStream({ store, session: use.session, readable, runId, asked });
      if (isHead) {
        use.release();
        return c.body(null, 200, { ...JSON_TYPE, ...NOT_STORED, ...tailHeaders(place) });
      }
      if (question.live === "sse") return sseAnswer(c, service, use, { question, place });
      const end = readable?.stat.end.raw ?? 0;
      try {
        return await partAnswer(c, service, use, { question, place, end });
      } finally {
        use.release();
      }
    });
  };
}

function questionOf(c: Context): Question {
  const runId = c.req.param("runId") ?? null;
  const offsets = c.req.queries("offset") ?? [];
  const live = c.req.query("live") ?? null;
  if (live !== null && live !== "long-poll" && live !== "sse")
    throw new RunlogError("invalid-input", "Invalid live: long-poll or sse");
  if (offsets.length > 1) throw new RunlogError("invalid-input", "Invalid offset: there are two");
  if (live !== null && offsets.length === 0)
    throw new RunlogError("invalid-input", `live=${live} needs an offset`);
  const asked = parseOffset(offsets[0], runId === null ? "session" : "run");
  return { runId, asked, live, cursor: c.req.query("cursor") };
}

/** The log as readers may see it; null for a session without one. Throws `session-not-found`. */
async function readableLog(
  c: Context,
  service: SessionService,
  session: Session,
): Promise<ReadableLog | null> {
  const found = await session.readable();
  const hasGrown = found !== null && (await service.sessions.recover(session.key));
  const readable = hasGrown ? await session.readable() : found;
  if (!readable && !(await directoryOf(c, service).get(session.key)))
    throw new RunlogError("session-not-found", "Session not found");
  return readable;
}

interface PartQuestion {
  readonly question: Question;
  readonly place: StreamPlace;
  /** The log's end. */
  readonly end: number;
}

/** A part of the stream as JSON; for a long poll that has none yet, once there is one. */
async function partAnswer(
  c: Context,
  service: SessionService,
  use: SessionUse,
  { question, place: begin, end: known }: PartQuestion,
): Promise<Response> {
  const { asked, live, cursor } = question;
  if (asked === "now" && live === null)
    return c.body("[]", 200, { ...JSON_TYPE, ...NOT_STORED, ...tailHeaders(begin) });
  const from = formatOffset(begin.offset);
  const ranges = await begin.reader.part(known);
  const part = { place: begin, ranges, end: known };
  if (live === null) return partBody(c, service, { ...part, from, headers: {} });
  const isThere = ranges.length > 0 || begin.reader.isClosed;
  const polled = isThere ? part : await poll(c, service, use, begin);
  const headers = { "Stream-Cursor": streamCursor(service.clock.now(), cursor) };
  if (polled.ranges.length === 0)
    return c.body(null, 204, { ...NOT_STORED, ...tailHeaders(polled.place), ...headers });
  return partBody(c, service, { ...polled, from, headers });
}

/** Waits for the next part. Throws `overloaded` when as many wait as may. */
function poll(
  c: Context,
  service: SessionService,
  use: SessionUse,
  place: StreamPlace,
): Promise<Omit<PartBody, "from" | "headers">> {
  assertViewerRoom(use, service);
  const { clock, limits } = service;
  const { signal } = c.req.raw;
  const placeIn = firstPlace(service, use);
  const forMs = limits.longPollMs;
  const isStopping = (): boolean => service.isStopping();
  return waitForPart(use.session, { place, placeIn, clock, forMs, signal, isStopping });
}

/** Where the first log of a session is read from. */
function firstPlace({ store }: SessionService, { session }: SessionUse) {
  return (logId: string): StreamPlace => {
    const log = { store, key: session.key, logId };
    return placeOf(log, createSessionReader(log, 0));
  };
}

interface PartBody {
  readonly place: StreamPlace;
  readonly ranges: readonly ByteRange[];
  readonly end: number;
  /** The offset that was asked for. */
  readonly from: string;
  readonly headers: Readonly<Record<string, string>>;
}

function partBody(
  c: Context,
  service: SessionService,
  { place, ranges, end, from, headers: more }: PartBody,
): Response {
  const { log, reader } = place;
  const next = formatOffset(place.offset);
  const ETag = `"${from}:${next}${reader.isClosed ? ":c" : ""}"`;
  if (isKnown(c, ETag)) return c.body(null, 304, { ETag, ...REVALIDATED });
  const headers: Record<string, string> = {
    ...JSON_TYPE,
    ...REVALIDATED,
    ETag,
    "Stream-Next-Offset": next,
    ...(reader.offset >= end || reader.isClosed ? { "Stream-Up-To-Date": "true" } : {}),
    ...(reader.isClosed ? { "Stream-Closed": "true" } : {}),
    ...more,
  };
  if (!log || ranges.length === 0) return c.body("[]", 200, headers);
  const stream = openStream(service, jsonPart(log, ranges, { reads: service.reads }));
  return c.body(stream, 200, headers);
}

/** The headers of an answer without events. */
function tailHeaders(place: StreamPlace): Record<string, string> {
  return {
    "Stream-Next-Offset": formatOffset(place.offset),
    "Stream-Up-To-Date": "true",
    ...(place.reader.isClosed ? { "Stream-Closed": "true" } : {}),
  };
}

function isKnown(c: Context, etag: string): boolean {
  const given = c.req.header("If-None-Match") ?? "";
  return given.split(",").some((one) => one.trim().replace(/^W\//, "") === etag);
}

/** How long in ms a stream of events goes on before its client connects again. */
const SSE_MS = 60_000;

function sseAnswer(
  c: Context,
  service: SessionService,
  use: SessionUse,
  { question, place }: { readonly question: Question; readonly place: StreamPlace },
): Response {
  assertViewerRoom(use, service);
  const { clock, reads } = service;
  const source = createLiveStream(use, {
    place,
    placeIn: firstPlace(service, use),
    reads,
    clock,
    // not all at the same moment
    maxMs: SSE_MS * (0.9 + 0.2 * Math.random()),
    cursor: () => streamCursor(clock.now(), question.cursor),
  });
  const stream = openStream(service, source, {
    heartbeat: HEARTBEAT,
    farewell: comeBackSoon,
    access: accessOf(c),
  });
  return c.body(stream, 200, { ...SSE_HEADERS });
}
