import type { Context } from "hono";
import type { SessionService } from "../core/service.ts";
import { stopRequest } from "../core/documents/session-patches.ts";
import { rfc3339 } from "../core/model/time.ts";
import { interrupted } from "./cancel-post.ts";
import { dropJsonBody, MAX_SMALL_BODY } from "./read-body.ts";
import { answerChange } from "./session-change.ts";
import { sessionKeyOf } from "./session-key.ts";

const TEXTS = { read: "Failed to get agentic session", write: "Failed to update session" };

/** `POST …/stop`: requests that the session stops (PROTOCOL 7.9). */
export function stopPost(service: SessionService) {
  return async (c: Context): Promise<Response> => {
    const key = sessionKeyOf(c);
    await dropJsonBody(c, { limitBytes: MAX_SMALL_BODY, budget: service.bodyBudget });
    return answerChange(c, service, key, {
      change: stopRequest(rfc3339(service.clock.now())),
      texts: TEXTS,
      answer: (document) => {
        service.backgroundEvents.stop(key);
        // where nobody else stops the session's agent
        if (service.directory.logsMakeSessions)
          service.runs.cancelAll(key, () => interrupted(service, key));
        return c.json(document, 202);
      },
      gone: () => c.json({ message: "Session no longer exists (already deleted)" }),
    });
  };
}
