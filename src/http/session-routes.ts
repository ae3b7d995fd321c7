import type { Hono } from "hono";
import type { SessionService } from "../core/service.ts";
import { ACCESS } from "./access.ts";
import { archivePost } from "./archive-post.ts";
import { cancelPost } from "./cancel-post.ts";
import { capabilitiesGet } from "./capabilities-get.ts";
import { connectPost } from "./connect-post.ts";
import { displaynamePut } from "./displayname-put.ts";
import { eventBodyGet } from "./event-body-get.ts";
import { eventsGet } from "./events-get.ts";
import { eventsPageGet } from "./events-page-get.ts";
import { exportGet } from "./export-get.ts";
import { feedbackPost } from "./feedback-post.ts";
import { forkPost } from "./fork-post.ts";
import { interruptPost } from "./interrupt-post.ts";
import { mcpStatusGet } from "./mcp-status-get.ts";
import { messagesGet } from "./messages-get.ts";
import { mountRoutes, type Route, type SessionRoutesOptions } from "./mount-routes.ts";
import { OWNER } from "./owner-guard.ts";
import { podEventsGet } from "./pod-events-get.ts";
import { restorePost } from "./restore-post.ts";
import { runGet } from "./run-get.ts";
import { runPost } from "./run-post.ts";
import { runsGet } from "./runs-get.ts";
import { sessionDelete } from "./session-delete.ts";
import { sessionPatch } from "./session-patch.ts";
import { sessionPost } from "./session-post.ts";
import { sessionPut } from "./session-put.ts";
import { sessionGet, sessionsGet } from "./sessions-get.ts";
import { snapshotGet } from "./snapshot-get.ts";
import { startPost } from "./start-post.ts";
import { stopPost } from "./stop-post.ts";
import { suggestPost } from "./suggest-post.ts";
import { taskOutputGet } from "./task-output-get.ts";
import { taskStopPost } from "./task-stop-post.ts";
import { tasksGet } from "./tasks-get.ts";

/** Runs with an agent of this name. */
const AGENT = "/:sessionName/agui/agents/:agentName";

/** All routes, below the path of a project's sessions. */
export const SESSION_ROUTES: readonly Route[] = [
  ["GET", "/", ACCESS.list, OWNER.any, "list", sessionsGet],
  ["POST", "/", ACCESS.create, OWNER.any, "create", sessionPost],
  ["GET", "/:sessionName", ACCESS.get, OWNER.any, "read", sessionGet],
  ["PATCH", "/:sessionName", ACCESS.change, OWNER.document, "change", sessionPatch],
  ["PUT", "/:sessionName", ACCESS.change, OWNER.document, "change", sessionPut],
  ["PUT", "/:sessionName/displayname", ACCESS.rename, OWNER.document, "change", displaynamePut],
  ["DELETE", "/:sessionName", ACCESS.remove, OWNER.log, "delete", sessionDelete],
  ["POST", "/:sessionName/start", ACCESS.change, OWNER.document, "start", startPost],
  ["POST", "/:sessionName/stop", ACCESS.change, OWNER.log, "stop", stopPost],
  ["GET", "/:sessionName/pod-events", ACCESS.get, OWNER.any, "read", podEventsGet],
  ["POST", "/:sessionName/archive", ACCESS.write, OWNER.log, "archive", archivePost],
  ["POST", "/:sessionName/restore", ACCESS.write, OWNER.log, "restore", restorePost],
  ["GET", "/:sessionName/agui/events", ACCESS.watch, OWNER.any, "read", eventsGet],
  ["GET", "/:sessionName/agui/events/page", ACCESS.read, OWNER.any, "read", eventsPageGet],
  ["GET", "/:sessionName/agui/events/:cursor/body", ACCESS.read, OWNER.any, "read", eventBodyGet],
  ["GET", "/:sessionName/agui/messages", ACCESS.read, OWNER.any, "read", messagesGet],
  ["GET", "/:sessionName/agui/snapshot", ACCESS.read, OWNER.any, "read", snapshotGet],
  ["POST", "/:sessionName/agui/connect", ACCESS.read, OWNER.any, "read", connectPost],
  ["POST", "/:sessionName/agui/run", ACCESS.write, OWNER.run, "run", runPost],
  ["GET", "/:sessionName/agui/run", ACCESS.read, OWNER.any, "read", runGet],
  ["POST", "/:sessionName/agui/suggest", ACCESS.ask, OWNER.any, "ask", suggestPost],
  ["POST", "/:sessionName/agui/cancel", ACCESS.write, OWNER.log, "cancel", cancelPost],
  ["POST", "/:sessionName/agui/interrupt", ACCESS.write, OWNER.log, "interrupt", interruptPost],
  ["POST", "/:sessionName/agui/feedback", ACCESS.write, OWNER.once, "feedback", feedbackPost],
  [
    "POST",
    "/:sessionName/runner/feedback",
    ACCESS.writeAsRunner,
    OWNER.once,
    "feedback",
    feedbackPost,
  ],
  ["GET", "/:sessionName/agui/capabilities", ACCESS.read, OWNER.any, "ask", capabilitiesGet],
  // what clients of AG-UI derive from the URL at which they post runs
  ["POST", "/:sessionName/agui/run/connect", ACCESS.read, OWNER.any, "read", connectPost],
  ["GET", "/:sessionName/agui/run/capabilities", ACCESS.read, OWNER.any, "ask", capabilitiesGet],
  // the same for clients that know nothing but a URL: one for each agent
  ["POST", `${AGENT}/run`, ACCESS.write, OWNER.run, "run", runPost],
  ["POST", `${AGENT}/run/connect`, ACCESS.read, OWNER.any, "read", connectPost],
  ["GET", `${AGENT}/run/capabilities`, ACCESS.read, OWNER.any, "ask", capabilitiesGet],
  ["GET", "/:sessionName/mcp/status", ACCESS.read, OWNER.any, "ask", mcpStatusGet],
  ["GET", "/:sessionName/agui/tasks", ACCESS.read, OWNER.any, "ask", tasksGet],
  ["GET", "/:sessionName/agui/tasks/:taskId/output", ACCESS.read, OWNER.any, "ask", taskOutputGet],
  [
    "POST",
    "/:sessionName/agui/tasks/:taskId/stop",
    ACCESS.write,
    OWNER.any,
    "interrupt",
    taskStopPost,
  ],
  ["POST", "/:sessionName/fork", ACCESS.fork, OWNER.any, "fork", forkPost],
  ["GET", "/:sessionName/runs", ACCESS.read, OWNER.any, "read", runsGet],
  ["GET", "/:sessionName/export", ACCESS.read, OWNER.any, "export", exportGet],
];

/**
 * The session routes, to be mounted by `app.route()` at a path that holds `:projectName`, as in
 * `/api/projects/:projectName/agentic-sessions`, or with a `project` at any other. They answer their own errors and leave unknown
 * paths to the host.
 *
 * @example
 * ```ts
 * import { Hono } from "hono";
 * import { createSessionRoutes, type SessionService } from "runlog";
 *
 * export const mount = (service: SessionService): Hono =>
 *   new Hono().route("/api/projects/:projectName/agentic-sessions", createSessionRoutes(service));
 * ```
 */
export function createSessionRoutes(
  service: SessionService,
  options: SessionRoutesOptions = {},
): Hono {
  return mountRoutes(service, SESSION_ROUTES, options);
}
