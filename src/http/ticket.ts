import type { Context } from "hono";
import { expired } from "../core/callers/tickets.ts";
import { cursorOfFrame } from "../core/model/cursor.ts";
import type { SessionService } from "../core/service.ts";
import { RunlogError } from "../ports/errors.ts";
import { givenProject } from "./session-key.ts";
import { lastEventId } from "./sse-headers.ts";

/**
 * Makes a request with a ticket in its URL that of the ticket's maker, so that it is asked and asked again as such. Does nothing
 * without a ticket. Throws `token-invalid` for a ticket that does not count, `access-denied` for that of another session.
 */
export async function showTicket(c: Context, service: TicketService): Promise<void> {
  const text = c.req.query("ticket");
  if (text === undefined) return;
  const { tickets, store } = service;
  const ticket = await tickets.open(text);
  const { project, session, authorization } = ticket;
  if (project !== givenProject(c) || session !== c.req.param("sessionName"))
    throw new RunlogError("access-denied", "The ticket is for another session");
  // who comes back knows a cursor of the log, which stands in no URL
  if (tickets.isLate(ticket)) {
    const seen = cursorOfFrame(lastEventId(c) ?? "");
    if (!seen || (await store.stat({ project, session }))?.logId !== seen.logId) throw expired();
  }
  const { headers: given, method, signal, url } = c.req.raw;
  const headers = new Headers(given);
  headers.delete("X-Forwarded-Access-Token");
  if (authorization !== null) headers.set("Authorization", authorization);
  c.req.raw = new Request(url, { method, headers, signal });
}

type TicketService = Pick<SessionService, "tickets" | "store">;
