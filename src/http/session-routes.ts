import { Hono } from "hono";
import type { SessionService } from "../core/service.ts";
import { RunlogError } from "../ports/errors.ts";
import { eventsGet } from "./events-get.ts";
import { exportGet } from "./export-get.ts";
import { problemOf } from "./problem.ts";
import { runPost } from "./run-post.ts";
import { sessionGet, sessionsGet } from "./sessions-get.ts";

/**
 * The session routes, to be mounted by `app.route()` at a path that holds `:projectName`, as in
 * `/api/projects/:projectName/agentic-sessions`. They answer their own errors and leave unknown
 * paths to the host.
 */
export function createSessionRoutes(service: SessionService): Hono {
  const routes = new Hono();
  routes.onError((error, c) => {
    if (!(error instanceof RunlogError) || error.code === "internal")
      service.logger.error("request-failed", { route: c.req.routePath, error });
    return problemOf(c, error);
  });
  routes.get("/", sessionsGet(service));
  routes.get("/:sessionName", sessionGet(service));
  routes.get("/:sessionName/agui/events", eventsGet(service));
  routes.post("/:sessionName/agui/run", runPost(service));
  routes.get("/:sessionName/export", exportGet(service));
  return routes;
}
