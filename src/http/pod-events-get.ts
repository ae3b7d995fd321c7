import type { Context } from "hono";
import type { SessionService } from "../core/service.ts";
import { callerOf } from "./access.ts";
import { sessionKeyOf } from "./session-key.ts";

/** `GET …/pod-events`: what happened to the session's pod, oldest first (PROTOCOL 7.13). */
export function podEventsGet({ platform, logger }: SessionService) {
  return async (c: Context): Promise<Response> => {
    const key = sessionKeyOf(c);
    try {
      return c.json({ events: await platform.podEvents(key, callerOf(c)) });
    } catch (error) {
      logger.warn("pod-events-not-read", { ...key, error });
      return c.json({ events: [] });
    }
  };
}
