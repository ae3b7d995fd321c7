import type { Context } from "hono";
import type { SessionService } from "../core/service.ts";
import { deleteSession } from "../core/lifecycle/session-commands.ts";
import { directoryOf } from "./access.ts";
import { failed } from "./session-change.ts";
import { sessionKeyOf } from "./session-key.ts";

/**
 * `DELETE …/agentic-sessions/:sessionName`: ends and removes the session completely (PROTOCOL
 * 7.10).
 */
export function sessionDelete(service: SessionService) {
  return async (c: Context): Promise<Response> => {
    const key = sessionKeyOf(c);
    try {
      await deleteSession(service, directoryOf(c, service), key);
      return c.body(null, 204);
    } catch (error) {
      return failed(c, service, error, "Failed to delete agentic session");
    }
  };
}
