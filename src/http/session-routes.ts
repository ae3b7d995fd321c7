import { type Context, type Handler, Hono, type MiddlewareHandler } from "hono";
import { HTTPException } from "hono/http-exception";
import type { SessionService } from "../core/service.ts";
import { hasCode, RunlogError, type RunlogErrorCode } from "../ports/errors.ts";
import type { SessionDirectory } from "../ports/session-directory.ts";
import { ACCESS, accessGuard, type AccessRule, confirmGuard } from "./access.ts";
import { keptByNobody } from "./kept-by-nobody.ts";
import { importLegacyLog, requireImport } from "./import-legacy-log.ts";
import type { Authorize } from "./authorize.ts";
import { archivePost } from "./archive-post.ts";
import { cancelPost } from "./cancel-post.ts";
import { capabilitiesGet } from "./capabilities-get.ts";
import { connectPost } from "./connect-post.ts";
import { displaynamePut } from "./displayname-put.ts";
import { eventBodyGet } from "./event-body-get.ts";
import { eventsGet } from "./events-get.ts";
import { exportGet } from "./export-get.ts";
import { feedbackPost } from "./feedback-post.ts";
import { interruptPost } from "./interrupt-post.ts";
import { mcpStatusGet } from "./mcp-status-get.ts";
import { messagesGet } from "./messages-get.ts";
import { OWNER, type OwnerGuardOptions, ownerGuards, type OwnerRule } from "./owner-guard.ts";
import { otherMethods } from "./other-methods.ts";
import { podEventsGet } from "./pod-events-get.ts";
import { problemOf } from "./problem.ts";
import { restorePost } from "./restore-post.ts";
import { runGet } from "./run-get.ts";
import { runPost } from "./run-post.ts";
import { sessionDelete } from "./session-delete.ts";
import { sessionPatch } from "./session-patch.ts";
import { sessionPost } from "./session-post.ts";
import { sessionPut } from "./session-put.ts";
import { inProject, projectOf, sessionKeyOf, taskIdOf } from "./session-key.ts";
import { sessionGet, sessionsGet } from "./sessions-get.ts";
import { startPost } from "./start-post.ts";
import { stopPost } from "./stop-post.ts";
import { suggestPost } from "./suggest-post.ts";
import { taskOutputGet } from "./task-output-get.ts";
import { taskStopPost } from "./task-stop-post.ts";
import { tasksGet } from "./tasks-get.ts";

const LOGGED: ReadonlySet<RunlogErrorCode> = new Set(["internal", "platform-failed"]);
const NOT_READ = "Failed to get agentic session";

type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

/** A route: its method and path, its access rule, whether it needs the session's owner, and its handler. */
type Route = readonly [Method, string, AccessRule, OwnerRule, (service: SessionService) => Handler];

/** All routes, below the path of a project's sessions. */
export const SESSION_ROUTES: readonly Route[] = [
  ["GET", "/", ACCESS.list, OWNER.any, sessionsGet],
  ["POST", "/", ACCESS.create, OWNER.any, sessionPost],
  ["GET", "/:sessionName", ACCESS.get, OWNER.any, sessionGet],
  ["PATCH", "/:sessionName", ACCESS.change, OWNER.document, sessionPatch],
  ["PUT", "/:sessionName", ACCESS.change, OWNER.document, sessionPut],
  ["PUT", "/:sessionName/displayname", ACCESS.rename, OWNER.document, displaynamePut],
  ["DELETE", "/:sessionName", ACCESS.remove, OWNER.log, sessionDelete],
  ["POST", "/:sessionName/start", ACCESS.change, OWNER.document, startPost],
  ["POST", "/:sessionName/stop", ACCESS.change, OWNER.log, stopPost],
  ["GET", "/:sessionName/pod-events", ACCESS.get, OWNER.any, podEventsGet],
  ["POST", "/:sessionName/archive", ACCESS.write, OWNER.log, archivePost],
  ["POST", "/:sessionName/restore", ACCESS.write, OWNER.log, restorePost],
  ["GET", "/:sessionName/agui/events", ACCESS.watch, OWNER.any, eventsGet],
  ["GET", "/:sessionName/agui/events/:cursor/body", ACCESS.read, OWNER.any, eventBodyGet],
  ["GET", "/:sessionName/agui/messages", ACCESS.read, OWNER.any, messagesGet],
  ["POST", "/:sessionName/agui/connect", ACCESS.read, OWNER.any, connectPost],
  ["POST", "/:sessionName/agui/run", ACCESS.write, OWNER.run, runPost],
  ["GET", "/:sessionName/agui/run", ACCESS.read, OWNER.any, runGet],
  ["POST", "/:sessionName/agui/suggest", ACCESS.ask, OWNER.any, suggestPost],
  ["POST", "/:sessionName/agui/cancel", ACCESS.write, OWNER.log, cancelPost],
  ["POST", "/:sessionName/agui/interrupt", ACCESS.write, OWNER.log, interruptPost],
  ["POST", "/:sessionName/agui/feedback", ACCESS.write, OWNER.once, feedbackPost],
  ["POST", "/:sessionName/runner/feedback", ACCESS.writeAsRunner, OWNER.once, feedbackPost],
  ["GET", "/:sessionName/agui/capabilities", ACCESS.read, OWNER.any, capabilitiesGet],
  // what clients of AG-UI derive from the URL at which they post runs
  ["POST", "/:sessionName/agui/run/connect", ACCESS.read, OWNER.any, connectPost],
  ["GET", "/:sessionName/agui/run/capabilities", ACCESS.read, OWNER.any, capabilitiesGet],
  ["GET", "/:sessionName/mcp/status", ACCESS.read, OWNER.any, mcpStatusGet],
  ["GET", "/:sessionName/agui/tasks", ACCESS.read, OWNER.any, tasksGet],
  ["GET", "/:sessionName/agui/tasks/:taskId/output", ACCESS.read, OWNER.any, taskOutputGet],
  ["POST", "/:sessionName/agui/tasks/:taskId/stop", ACCESS.write, OWNER.any, taskStopPost],
  ["GET", "/:sessionName/export", ACCESS.read, OWNER.any, exportGet],
];

export interface SessionRoutesOptions extends OwnerGuardOptions {
  /** The key by which other processes show that they pass requests on to this one. Default null: none does. */
  readonly peerKey?: string | null;
  /**
   * Address of the peer that sent a request, for authorizers that trust some proxies. Default:
   * unknown.
   */
  readonly peerOf?: (c: Context) => string | null;
  /** Who calls and what they may do, in place of the service's `authorizer`. */
  readonly authorize?: Authorize;
  /** The project of the sessions where the path names none. Default: the path has to. */
  readonly project?: string;
}

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
  const routes = new Hono();
  routes.use("*", keptByNobody());
  if (options.project !== undefined) routes.use("*", inProject(options.project));
  routes.onError((error, c) => {
    if (error instanceof HTTPException) return error.getResponse();
    if (!(error instanceof RunlogError) || LOGGED.has(error.code))
      service.logger.error("request-failed", { route: c.req.routePath, error });
    // where a handler has no text of its own, the session could not be read
    return problemOf(c, error, hasCode(error, "platform-failed") ? NOT_READ : undefined);
  });
  const ownerGuard = ownerGuards(service, options);
  for (const [method, path, rule, owner, handler] of SESSION_ROUTES) {
    const guards = [accessGuard(service, rule, options)];
    const namesSession = path.startsWith("/:sessionName");
    if (namesSession) guards.push(ownerGuard(owner));
    guards.push(confirmGuard(rule));
    // a list imports nothing: these paths name a session
    if (namesSession) guards.push(importLegacyLog(service));
    if (rule.session !== null) guards.push(requireImport(service));
    routes.on(method, [path], ...guards, handler(service));
  }
  for (const path of new Set(SESSION_ROUTES.map(([, each]) => each))) {
    const rows = SESSION_ROUTES.filter((row) => row[1] === path);
    routes.all(path, requireNames(service.directory), otherMethods(rows.map(([method]) => method)));
  }
  return routes;
}

/** Reports invalid names of a path first, as its routes do. */
function requireNames(directory: SessionDirectory): MiddlewareHandler {
  return async (c, next) => {
    if (c.req.param("sessionName") === undefined) projectOf(c);
    else sessionKeyOf(c, directory);
    if (c.req.param("taskId") !== undefined) taskIdOf(c);
    await next();
  };
}
