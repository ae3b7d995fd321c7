import type { Context } from "hono";
import { openTaskOutput } from "../core/runner/runner-proxy.ts";
import type { SessionService } from "../core/service.ts";
import { passOn } from "./pass-on.ts";
import { sessionKeyOf, taskIdOf } from "./session-key.ts";

/** `GET …/agui/tasks/:taskId/output`: the output of a background task (PROTOCOL 9.6). */
export function taskOutputGet(service: SessionService) {
  return async (c: Context): Promise<Response> => {
    const key = sessionKeyOf(c);
    const taskId = taskIdOf(c);
    return passOn(c, service, () => openTaskOutput(service, key, taskId));
  };
}
