import type { Context } from "hono";
import { findEventPage, type PageQuery } from "../core/history/event-page.ts";
import { MAX_PAGE_EVENTS } from "../core/history/page-bounds.ts";
import { writePage } from "../core/history/page-source.ts";
import { formatCursor } from "../core/model/cursor.ts";
import type { SessionService } from "../core/service.ts";
import type { Session } from "../core/session/session.ts";
import { RunlogError } from "../ports/errors.ts";
import { settledWithin } from "../stream/sync/pause.ts";
import { preferredType } from "./accept.ts";
import { directoryOf } from "./access.ts";
import { openStream } from "./open-stream.ts";
import { problem } from "./problem.ts";
import { limitOf } from "./query-number.ts";
import { sessionKeyOf } from "./session-key.ts";
import { viewOf } from "./view.ts";

const TYPES = ["application/json", "application/x-ndjson"] as const;
const DEFAULT_LIMIT = 100;
/** How long in ms a page waits for the ends of runs that nobody works on: they come after it otherwise. */
const RECOVERED_WITHIN_MS = 250;

/** `GET …/agui/events/page`: some events that follow each other, in either direction (PROTOCOL 20.1). */
export function eventsPageGet(service: SessionService) {
  const { clock, compactor, sessions, store } = service;
  /** Those whose logs are being read although pages of them were given. */
  const unread = new WeakSet<Session>();

  /** A long log of which no state is known has to be read for the ends of its runs, while its events are where they are. */
  async function recoverSoon(session: Session): Promise<void> {
    if (unread.has(session)) return;
    let isRead = false;
    const recovered = sessions.recover(session.key).then(() => {
      isRead = true;
      unread.delete(session);
    });
    await settledWithin(RECOVERED_WITHIN_MS, clock, recovered);
    if (!isRead) unread.add(session);
  }

  return async (c: Context): Promise<Response> => {
    const key = sessionKeyOf(c);
    const query = queryOf(c);
    const type = preferredType(c, TYPES);
    if (type === null) {
      const detail = `A page is ${TYPES.join(" or ")}`;
      return problem(c, { code: "not-acceptable", detail, headers: { Vary: "Accept" } });
    }
    return sessions.with(key, async (session) => {
      if (typeof query.cursor === "number") void sessions.recover(key);
      else await recoverSoon(session);
      const readable = await session.readable();
      if (!readable && !(await directoryOf(c, service).get(key)))
        throw new RunlogError("session-not-found", "Session not found");
      // runs that an earlier process did not end
      if (readable && !query.isRaw) compactor.request(key);
      const page = await findEventPage(store, session, readable, query);
      const written = await writePage(
        store,
        key,
        page,
        readable && session.log.arrivalsIn(readable.stat),
      );
      const headers: Record<string, string> = {
        "Content-Type": type,
        Vary: "Accept",
        "X-Runlog-Has-Before": String(page.hasBefore),
        "X-Runlog-Has-After": String(page.hasAfter),
        "X-Runlog-Start-Offset": String(page.startOffset),
        "X-Runlog-End-Offset": String(page.endOffset),
        "X-Runlog-Size": String(page.size),
      };
      if (page.start) headers["X-Runlog-Start"] = formatCursor(page.start);
      if (page.end) headers["X-Runlog-End"] = formatCursor(page.end);
      const isLines = type === "application/x-ndjson";
      if (isLines) headers["Content-Length"] = String(written.length);
      if (c.req.method === "HEAD") return c.body(null, 200, headers);
      const source = isLines ? written.lines() : written.document();
      return c.body(openStream(service, source), 200, headers);
    });
  };
}

/** Without a place the page is at one end of the history: at its start for an empty `after`, else at its end. */
function queryOf(c: Context): PageQuery {
  const [after, before] = [c.req.query("after"), c.req.query("before")];
  const offset = c.req.query("offset");
  if ([after, before, offset].filter((place) => place !== undefined).length > 1)
    throw new RunlogError(
      "invalid-input",
      "Invalid page: it is after a cursor, before one, or at an offset, not two of these",
    );
  return {
    isRaw: viewOf(c) === "raw",
    direction: after === undefined && offset === undefined ? "before" : "after",
    cursor: offset === undefined ? (after ?? before) || null : offsetOf(offset),
    limit: limitOf(c, { default: DEFAULT_LIMIT, max: MAX_PAGE_EVENTS }),
  };
}

/** Bytes of the history. What is past its end is its end. */
function offsetOf(text: string): number {
  if (!/^\d{1,15}$/.test(text))
    throw new RunlogError("invalid-input", "Invalid offset: a number of bytes");
  return Number(text);
}
