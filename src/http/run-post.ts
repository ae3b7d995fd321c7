import type { Context } from "hono";
import type { SessionService } from "../core/service.ts";
import { callerOf } from "./access.ts";
import { readJsonBody } from "./read-body.ts";
import { sessionKeyOf } from "./session-key.ts";

/** Largest body of a run, bytes (contract 1.5). */
const MAX_RUN_BODY = 16 * 1024 * 1024;

/** `POST …/agui/run`: starts a run in the background and answers with its ids (contract 2.2). */
export function runPost(service: SessionService) {
  return async (c: Context): Promise<Response> => {
    const key = sessionKeyOf(c);
    const body = await readJsonBody(c, { limitBytes: MAX_RUN_BODY, budget: service.bodyBudget });
    return c.json(await service.runs.start(key, body, callerOf(c)));
  };
}
