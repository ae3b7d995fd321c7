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
import { DOCUMENT_DOCS } from "./openapi/document-docs.ts";
import { LOG_DOCS } from "./openapi/log-docs.ts";
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
import { ticketPost } from "./ticket-post.ts";

/** Runs with an agent of this name. */
const AGENT = "/:sessionName/agui/agents/:agentName";

/** All routes, below the path of a project's sessions. */
export const SESSION_ROUTES: readonly Route[] = [
  ["GET", "/", ACCESS.list, OWNER.any, "list", sessionsGet, DOCUMENT_DOCS.list],
  ["POST", "/", ACCESS.create, OWNER.any, "create", sessionPost, DOCUMENT_DOCS.create],
  ["GET", "/:sessionName", ACCESS.get, OWNER.any, "read", sessionGet, DOCUMENT_DOCS.get],
  [
    "PATCH",
    "/:sessionName",
    ACCESS.change,
    OWNER.document,
    "change",
    sessionPatch,
    DOCUMENT_DOCS.patch,
  ],
  ["PUT", "/:sessionName", ACCESS.change, OWNER.document, "change", sessionPut, DOCUMENT_DOCS.put],
  [
    "PUT",
    "/:sessionName/displayname",
    ACCESS.rename,
    OWNER.document,
    "change",
    displaynamePut,
    DOCUMENT_DOCS.rename,
  ],
  [
    "DELETE",
    "/:sessionName",
    ACCESS.remove,
    OWNER.log,
    "delete",
    sessionDelete,
    DOCUMENT_DOCS.remove,
  ],
  [
    "POST",
    "/:sessionName/start",
    ACCESS.change,
    OWNER.document,
    "start",
    startPost,
    DOCUMENT_DOCS.start,
  ],
  ["POST", "/:sessionName/stop", ACCESS.change, OWNER.log, "stop", stopPost, DOCUMENT_DOCS.stop],
  [
    "GET",
    "/:sessionName/pod-events",
    ACCESS.get,
    OWNER.any,
    "read",
    podEventsGet,
    DOCUMENT_DOCS.podEvents,
  ],
  [
    "POST",
    "/:sessionName/archive",
    ACCESS.write,
    OWNER.log,
    "archive",
    archivePost,
    LOG_DOCS.archive,
  ],
  [
    "POST",
    "/:sessionName/restore",
    ACCESS.write,
    OWNER.log,
    "restore",
    restorePost,
    LOG_DOCS.restore,
  ],
  ["GET", "/:sessionName/agui/events", ACCESS.watch, OWNER.any, "read", eventsGet, LOG_DOCS.events],
  [
    "GET",
    "/:sessionName/agui/events/page",
    ACCESS.read,
    OWNER.any,
    "read",
    eventsPageGet,
    LOG_DOCS.page,
  ],
  [
    "GET",
    "/:sessionName/agui/events/:cursor/body",
    ACCESS.read,
    OWNER.any,
    "read",
    eventBodyGet,
    LOG_DOCS.body,
  ],
  [
    "GET",
    "/:sessionName/agui/messages",
    ACCESS.read,
    OWNER.any,
    "read",
    messagesGet,
    LOG_DOCS.messages,
  ],
  [
    "GET",
    "/:sessionName/agui/snapshot",
    ACCESS.read,
    OWNER.any,
    "read",
    snapshotGet,
    LOG_DOCS.snapshot,
  ],
  [
    "POST",
    "/:sessionName/agui/ticket",
    ACCESS.read,
    OWNER.any,
    "read",
    ticketPost,
    LOG_DOCS.ticket,
  ],
  [
    "POST",
    "/:sessionName/agui/connect",
    ACCESS.read,
    OWNER.any,
    "read",
    connectPost,
    LOG_DOCS.connect,
  ],
  ["POST", "/:sessionName/agui/run", ACCESS.run, OWNER.run, "run", runPost, LOG_DOCS.run],
  ["GET", "/:sessionName/agui/run", ACCESS.read, OWNER.any, "read", runGet, LOG_DOCS.joinRun],
  [
    "POST",
    "/:sessionName/agui/suggest",
    ACCESS.ask,
    OWNER.any,
    "ask",
    suggestPost,
    LOG_DOCS.suggest,
  ],
  [
    "POST",
    "/:sessionName/agui/cancel",
    ACCESS.write,
    OWNER.log,
    "cancel",
    cancelPost,
    LOG_DOCS.cancel,
  ],
  [
    "POST",
    "/:sessionName/agui/interrupt",
    ACCESS.write,
    OWNER.log,
    "interrupt",
    interruptPost,
    LOG_DOCS.interrupt,
  ],
  [
    "POST",
    "/:sessionName/agui/feedback",
    ACCESS.write,
    OWNER.once,
    "feedback",
    feedbackPost,
    LOG_DOCS.feedback,
  ],
  [
    "POST",
    "/:sessionName/runner/feedback",
    ACCESS.writeAsRunner,
    OWNER.once,
    "feedback",
    feedbackPost,
    LOG_DOCS.feedback,
  ],
  [
    "GET",
    "/:sessionName/agui/capabilities",
    ACCESS.read,
    OWNER.any,
    "ask",
    capabilitiesGet,
    LOG_DOCS.capabilities,
  ],
  // what clients of AG-UI derive from the URL at which they post runs
  [
    "POST",
    "/:sessionName/agui/run/connect",
    ACCESS.read,
    OWNER.any,
    "read",
    connectPost,
    LOG_DOCS.connect,
  ],
  [
    "GET",
    "/:sessionName/agui/run/capabilities",
    ACCESS.read,
    OWNER.any,
    "ask",
    capabilitiesGet,
    LOG_DOCS.capabilities,
  ],
  // the same for clients that know nothing but a URL: one for each agent
  ["POST", `${AGENT}/run`, ACCESS.run, OWNER.run, "run", runPost, LOG_DOCS.run],
  ["POST", `${AGENT}/run/connect`, ACCESS.read, OWNER.any, "read", connectPost, LOG_DOCS.connect],
  [
    "GET",
    `${AGENT}/run/capabilities`,
    ACCESS.read,
    OWNER.any,
    "ask",
    capabilitiesGet,
    LOG_DOCS.capabilities,
  ],
  [
    "GET",
    "/:sessionName/mcp/status",
    ACCESS.read,
    OWNER.any,
    "ask",
    mcpStatusGet,
    LOG_DOCS.mcpStatus,
  ],
  ["GET", "/:sessionName/agui/tasks", ACCESS.read, OWNER.any, "ask", tasksGet, LOG_DOCS.tasks],
  [
    "GET",
    "/:sessionName/agui/tasks/:taskId/output",
    ACCESS.read,
    OWNER.any,
    "ask",
    taskOutputGet,
    LOG_DOCS.taskOutput,
  ],
  [
    "POST",
    "/:sessionName/agui/tasks/:taskId/stop",
    ACCESS.write,
    OWNER.any,
    "interrupt",
    taskStopPost,
    LOG_DOCS.stopTask,
  ],
  ["POST", "/:sessionName/fork", ACCESS.fork, OWNER.any, "fork", forkPost, LOG_DOCS.fork],
  ["GET", "/:sessionName/runs", ACCESS.read, OWNER.any, "read", runsGet, LOG_DOCS.runs],
  ["GET", "/:sessionName/export", ACCESS.read, OWNER.any, "export", exportGet, LOG_DOCS.export],
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
