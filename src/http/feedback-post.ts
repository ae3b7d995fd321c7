import type { Context } from "hono";
import { sendFeedback } from "../core/runner/feedback.ts";
import type { SessionService } from "../core/service.ts";
import { hasCode } from "../ports/errors.ts";
import { readJsonBody } from "./read-body.ts";
import { refusedStatus } from "./runner-problem.ts";
import { sessionKeyOf } from "./session-key.ts";

/** Largest body of a feedback, bytes (PROTOCOL 1.5). */
const MAX_FEEDBACK_BODY = 1024 * 1024;

const FAILED = "failed";

/**
 * `POST …/agui/feedback`, `POST …/runner/feedback` (PROTOCOL 9.4). The result is a string `status`,
 * for which a problem document has no place: so these bodies are plain JSON.
 */
export function feedbackPost(service: SessionService) {
  return async (c: Context): Promise<Response> => {
    const key = sessionKeyOf(c);
    const { bodyBudget: budget } = service;
    const body = await readJsonBody(c, { limitBytes: MAX_FEEDBACK_BODY, budget });
    try {
      const isStored = await sendFeedback(service, key, body.bytes);
      const message = isStored ? "Feedback submitted" : "Feedback sent but not persisted";
      return c.json({ message, status: "sent" });
    } catch (error) {
      if (hasCode(error, "runner-unreachable"))
        return c.json({ error: "Runner unavailable — feedback not recorded", status: FAILED }, 202);
      if (!hasCode(error, "runner-refused")) throw error;
      const status = refusedStatus(error.facts["status"]);
      return c.json({ error: "Runner rejected feedback", status: FAILED }, status);
    } finally {
      body.release();
    }
  };
}
