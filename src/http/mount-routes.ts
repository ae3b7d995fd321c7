import { type Context, type Handler, Hono, type MiddlewareHandler } from "hono";
import { HTTPException } from "hono/http-exception";
import type { SessionService } from "../core/service.ts";
import { hasCode, RunlogError, type RunlogErrorCode } from "../ports/errors.ts";
import type { SessionDirectory } from "../ports/session-directory.ts";
import { accessGuard, type AccessRule, confirmGuard } from "./access.ts";
import type { AuditAction, AuditLog } from "../ports/audit-log.ts";
import { auditGuards } from "./audit.ts";
import type { Authorize } from "./authorize.ts";
import { importLegacyLog, requireImport } from "./import-legacy-log.ts";
import { keptByNobody } from "./kept-by-nobody.ts";
import type { RouteDoc } from "./openapi/route-doc.ts";
import { otherMethods } from "./other-methods.ts";
import { type OwnerGuardOptions, ownerGuards, type OwnerRule } from "./owner-guard.ts";
import { problemOf } from "./problem.ts";
import { inProject, projectOf, sessionKeyOf, taskIdOf } from "./session-key.ts";

const LOGGED: ReadonlySet<RunlogErrorCode> = new Set(["internal", "platform-failed"]);
const NOT_READ = "Failed to get agentic session";

type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

/**
 * A route: its method and path, its access rule, whether it needs the session's owner, as what it is recorded, its handler, and what the OpenAPI document
 * says of it.
 */
export type Route = readonly [
  Method,
  string,
  AccessRule,
  OwnerRule,
  AuditAction,
  (service: SessionService) => Handler,
  RouteDoc,
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
  /** Where it is recorded who did what. Default null: nowhere. */
  readonly audit?: AuditLog | null;
  /** The project of the sessions where the path names none. Default: the path has to. */
  readonly project?: string;
}

/**
 * The routes of a table, with the guards of their rules (PROTOCOL 13.3). They answer their own errors and leave
 * unknown paths to the host.
 */
export function mountRoutes(
  service: SessionService,
  table: readonly Route[],
  options: SessionRoutesOptions,
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
  for (const [method, path, rule, owner, action, handler] of table) {
    const audited = auditGuards(action, options.audit ?? null);
    const guards = [...audited.first, accessGuard(service, rule, options)];
    const namesSession = path.includes("/:sessionName");
    if (namesSession) guards.push(ownerGuard(owner));
    guards.push(confirmGuard(rule));
    // a list imports nothing: these paths name a session
    if (namesSession) guards.push(importLegacyLog(service));
    if (rule.session !== null) guards.push(requireImport(service));
    routes.on(method, [path], ...guards, ...audited.last, handler(service));
  }
  for (const path of new Set(table.map(([, each]) => each))) {
    const rows = table.filter((row) => row[1] === path);
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
