import type { Context } from "hono";
import type { SessionService } from "../core/service.ts";
import { specChange } from "../core/documents/session-patches.ts";
import { answerChange, bodyOf, MAX_SESSION_BODY } from "./session-change.ts";
import { sessionKeyOf } from "./session-key.ts";

const TEXTS = {
  read: "Failed to get agentic session",
  write: "Failed to update agentic session",
};

/** `PUT …/agentic-sessions/:sessionName`: changes the session's spec (PROTOCOL 7.7). */
export function sessionPut(service: SessionService) {
  return async (c: Context): Promise<Response> => {
    const key = sessionKeyOf(c);
    const change = specChange(await bodyOf(c, service, MAX_SESSION_BODY));
    return answerChange(c, service, key, {
      change,
      texts: TEXTS,
      attempts: 5,
      answer: (document) => c.json(document),
    });
  };
}
