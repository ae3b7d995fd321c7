import type { Context } from "hono";
import type { SessionService } from "../core/service.ts";
import { displayNameChange } from "../core/documents/session-patches.ts";
import { MAX_SMALL_BODY } from "./read-body.ts";
import { answerChange, bodyOf } from "./session-change.ts";
import { sessionKeyOf } from "./session-key.ts";

const TEXTS = { read: "Failed to get agentic session", write: "Failed to update display name" };

/** `PUT …/displayname`: names the session, also while it runs (PROTOCOL 7.8). */
export function displaynamePut(service: SessionService) {
  return async (c: Context): Promise<Response> => {
    const key = sessionKeyOf(c);
    const change = displayNameChange(await bodyOf(c, service, MAX_SMALL_BODY));
    return answerChange(c, service, key, {
      change,
      texts: TEXTS,
      answer: (document) => c.json(document),
    });
  };
}
