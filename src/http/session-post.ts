import type { Context } from "hono";
import type { SessionService } from "../core/service.ts";
import { createSession, runnerEnvironment } from "../core/lifecycle/session-commands.ts";
import { callerOf, directoryOf } from "./access.ts";
import { bodyOf, failed, MAX_SESSION_BODY } from "./session-change.ts";
import { projectOf } from "./session-key.ts";

/** `POST …/agentic-sessions`: creates a session (PROTOCOL 7.5). */
export function sessionPost(service: SessionService) {
  return async (c: Context): Promise<Response> => {
    const body = await bodyOf(c, service, MAX_SESSION_BODY);
    const request = { project: projectOf(c), body, caller: callerOf(c) };
    let environment: Readonly<Record<string, string>>;
    try {
      environment = await runnerEnvironment(service, request);
    } catch (error) {
      return failed(c, service, error, "Failed to validate API key configuration");
    }
    try {
      const created = await createSession(service, directoryOf(c, service), request, environment);
      const message = "Agentic session created successfully";
      return c.json({ message, ...created }, 201);
    } catch (error) {
      return failed(c, service, error, "Failed to create agentic session");
    }
  };
}
