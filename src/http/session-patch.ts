import type { Context } from "hono";
import type { SessionService } from "../core/service.ts";
import { annotationsPatch } from "../core/documents/session-patches.ts";
import { answerChange, bodyOf, MAX_SESSION_BODY } from "./session-change.ts";
import { sessionKeyOf } from "./session-key.ts";

const TEXTS = { read: "Failed to get session", write: "Failed to patch session" };

/** `PATCH …/agentic-sessions/:sessionName`: sets and removes annotations (PROTOCOL 7.6). */
export function sessionPatch(service: SessionService) {
  return async (c: Context): Promise<Response> => {
    const key = sessionKeyOf(c);
    const change = annotationsPatch(await bodyOf(c, service, MAX_SESSION_BODY));
    return answerChange(c, service, key, {
      change,
      texts: TEXTS,
      answer: ({ metadata: { annotations = {} } }) =>
        c.json({ message: "Session patched successfully", annotations }),
    });
  };
}
