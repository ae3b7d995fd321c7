import { Hono } from "hono";
import { createSessionClient, type SessionClient } from "../client/index.ts";
import type { SessionService } from "../core/service.ts";
import { createSessionRoutes } from "../http/session-routes.ts";

/** Only stands in URLs: nothing is sent anywhere. */
const NOWHERE = "http://runlog.invalid";

/**
 * A client of a project's sessions in this process, for the host that has them: without a socket, and without being
 * asked who it is. What it posts has no sender.
 */
export function createOwnClient(service: SessionService, project: string): SessionClient {
  const app = new Hono().route("/:projectName", createSessionRoutes(service));
  return createSessionClient({
    url: `${NOWHERE}/${project}`,
    fetch: async (url, init) => app.fetch(new Request(url, init)),
  });
}
