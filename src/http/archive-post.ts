import type { Context } from "hono";
import { archiveSession } from "../core/lifecycle/archive-session.ts";
import { booleanField, parseBody } from "../core/model/json-fields.ts";
import type { SessionService } from "../core/service.ts";
import { MAX_SMALL_BODY, readJsonBody } from "./read-body.ts";
import { problemOf } from "./problem.ts";
import { sessionKeyOf } from "./session-key.ts";

/** `POST …/archive`: archives a session that has no run (PROTOCOL 16). */
export function archivePost(service: SessionService) {
  return async (c: Context): Promise<Response> => {
    const key = sessionKeyOf(c);
    const deleteLocal = await readDeleteLocal(c, service);
    try {
      return c.json(await archiveSession(service, key, { deleteLocal }));
    } catch (error) {
      service.logger.warn("session-not-archived", { ...key, error });
      return problemOf(c, error, "Failed to archive session");
    }
  };
}

/** The options in the body, if there is one; a request cannot choose where to archive. */
async function readDeleteLocal(c: Context, { bodyBudget }: SessionService): Promise<boolean> {
  if (c.req.header("Content-Type") === undefined) return false;
  const body = await readJsonBody(c, { limitBytes: MAX_SMALL_BODY, budget: bodyBudget });
  try {
    return booleanField(parseBody(body.bytes), "deleteLocal") ?? false;
  } finally {
    body.release();
  }
}
