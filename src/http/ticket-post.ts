import type { Context } from "hono";
import type { SessionService } from "../core/service.ts";
import { accessOf } from "./access.ts";
import { dropJsonBody, MAX_SMALL_BODY } from "./read-body.ts";
import { sessionKeyOf } from "./session-key.ts";

/** `POST …/agui/ticket`: what opens the session's event stream in place of a token (PROTOCOL 13.10). */
export function ticketPost(service: SessionService) {
  return async (c: Context): Promise<Response> => {
    await dropJsonBody(c, { limitBytes: MAX_SMALL_BODY, budget: service.bodyBudget });
    const { authorization } = accessOf(c);
    const { ticket, expiresAtMs } = await service.tickets.make(sessionKeyOf(c), authorization);
    return c.json({ ticket, expiresAt: new Date(expiresAtMs).toISOString() });
  };
}
