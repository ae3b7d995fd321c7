import type { Context } from "hono";
import { restoreSession } from "../core/lifecycle/archive-session.ts";
import type { SessionService } from "../core/service.ts";
import { problemOf } from "./problem.ts";
import { dropJsonBody, MAX_SMALL_BODY } from "./read-body.ts";
import { sessionKeyOf } from "./session-key.ts";

/** `POST …/restore`: restores an archived session's bytes (PROTOCOL 16). */
export function restorePost(service: SessionService) {
  return async (c: Context): Promise<Response> => {
    const key = sessionKeyOf(c);
    await dropJsonBody(c, { limitBytes: MAX_SMALL_BODY, budget: service.bodyBudget });
    try {
      return c.json({ ...key, logId: await restoreSession(service, key) });
    } catch (error) {
      service.logger.warn("session-not-restored", { ...key, error });
      return problemOf(c, error, "Failed to restore session");
    }
  };
}
