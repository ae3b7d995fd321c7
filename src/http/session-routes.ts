import { Hono } from "hono";
import type { SessionService } from "../core/service.ts";
import { RunlogError } from "../ports/errors.ts";
import { archivePost } from "./archive-post.ts";
import { capabilitiesGet } from "./capabilities-get.ts";
import { displaynamePut } from "./displayname-put.ts";
import { eventsGet } from "./events-get.ts";
import { exportGet } from "./export-get.ts";
import { feedbackPost } from "./feedback-post.ts";
import { interruptPost } from "./interrupt-post.ts";
import { mcpStatusGet } from "./mcp-status-get.ts";
import { problemOf } from "./problem.ts";
import { restorePost } from "./restore-post.ts";
import { runPost } from "./run-post.ts";
import { sessionDelete } from "./session-delete.ts";
import { sessionPatch } from "./session-patch.ts";
import { sessionPost } from "./session-post.ts";
import { sessionPut } from "./session-put.ts";
import { sessionGet, sessionsGet } from "./sessions-get.ts";
import { startPost } from "./start-post.ts";
import { stopPost } from "./stop-post.ts";
import { taskOutputGet } from "./task-output-get.ts";
import { taskStopPost } from "./task-stop-post.ts";
import { tasksGet } from "./tasks-get.ts";

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
  routes.post("/", sessionPost(service));
  routes.get("/:sessionName", sessionGet(service));
  routes.patch("/:sessionName", sessionPatch(service));
  routes.put("/:sessionName", sessionPut(service));
  routes.put("/:sessionName/displayname", displaynamePut(service));
  routes.delete("/:sessionName", sessionDelete(service));
  routes.post("/:sessionName/start", startPost(service));
  routes.post("/:sessionName/stop", stopPost(service));
  routes.post("/:sessionName/archive", archivePost(service));
  routes.post("/:sessionName/restore", restorePost(service));
  routes.get("/:sessionName/agui/events", eventsGet(service));
  routes.post("/:sessionName/agui/run", runPost(service));
  routes.post("/:sessionName/agui/interrupt", interruptPost(service));
  routes.post("/:sessionName/agui/feedback", feedbackPost(service));
  routes.post("/:sessionName/runner/feedback", feedbackPost(service));
  routes.get("/:sessionName/agui/capabilities", capabilitiesGet(service));
  routes.get("/:sessionName/mcp/status", mcpStatusGet(service));
  routes.get("/:sessionName/agui/tasks", tasksGet(service));
  routes.get("/:sessionName/agui/tasks/:taskId/output", taskOutputGet(service));
  routes.post("/:sessionName/agui/tasks/:taskId/stop", taskStopPost(service));
  routes.get("/:sessionName/export", exportGet(service));
  return routes;
}
