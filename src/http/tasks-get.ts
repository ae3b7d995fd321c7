import type { Context } from "hono";
import { openTasks } from "../core/runner/runner-proxy.ts";
import type { SessionService } from "../core/service.ts";
import { passOn } from "./pass-on.ts";
import { sessionKeyOf } from "./session-key.ts";

/** `GET …/agui/tasks`: the session's background tasks, as the runner lists them (PROTOCOL 9.6). */
export function tasksGet(service: SessionService) {
  return async (c: Context): Promise<Response> => {
    const key = sessionKeyOf(c);
    return passOn(c, service, () => openTasks(service, key));
  };
}
