import type { Context } from "hono";
import type { SessionService } from "../core/service.ts";
import { startRequest } from "../core/documents/session-patches.ts";
import { rfc3339 } from "../core/model/time.ts";
import { dropJsonBody, MAX_SMALL_BODY } from "./read-body.ts";
import { answerChange } from "./session-change.ts";
import { sessionKeyOf } from "./session-key.ts";

const TEXTS = { read: "Failed to get agentic session", write: "Failed to update session" };

/** `POST …/start`: requests that the session runs (PROTOCOL 7.9). */
export function startPost(service: SessionService) {
  return async (c: Context): Promise<Response> => {
    const key = sessionKeyOf(c);
    await dropJsonBody(c, { limitBytes: MAX_SMALL_BODY, budget: service.bodyBudget });
    return answerChange(c, service, key, {
      change: startRequest(rfc3339(service.clock.now())),
      texts: TEXTS,
      answer: (document) => c.json(document, 202),
    });
  };
}
