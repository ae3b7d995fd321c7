import type { Context } from "hono";
import type { SessionService } from "../core/service.ts";
import { createSession } from "../core/session-writes.ts";
import { forwardedCaller } from "./identity.ts";
import { bodyOf, failed, MAX_SESSION_BODY } from "./session-change.ts";
import { projectOf } from "./session-key.ts";

/** `POST …/agentic-sessions`: makes a session (contract 3.3). */
export function sessionPost(service: SessionService) {
  return async (c: Context): Promise<Response> => {
    const project = projectOf(c);
    const body = await bodyOf(c, service, MAX_SESSION_BODY);
    try {
      const created = await createSession(service, project, body, forwardedCaller(c));
      const message = "Agentic session created successfully";
      return c.json({ message, ...created }, 201);
    } catch (error) {
      return failed(c, service, error, "Failed to create agentic session");
    }
  };
}
