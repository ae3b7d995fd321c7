import { Hono } from "hono";
import { cors } from "hono/cors";
import type { SessionService } from "../core/service.ts";
import { createAgentRoutes } from "./agent-routes.ts";
import { createCopilotKitRoutes } from "./copilotkit/routes.ts";
import { createStreamRoutes } from "./stream-routes.ts";
import { hostGuard, hostNames, LOOPBACK, originGuard } from "./host-guard.ts";
import { createPageRoutes, type PageFile } from "./page-routes.ts";
import { createDocsRoutes } from "./openapi/docs-routes.ts";
import { createProbeRoutes } from "./probe-routes.ts";
import { problem, problemOf } from "./problem.ts";
import { type ReportAnswer, reportAnswers } from "./report-answers.ts";
import { securityHeaders } from "./security-headers.ts";
import type { SessionRoutesOptions } from "./mount-routes.ts";
import { createSessionRoutes } from "./session-routes.ts";

export interface AppOptions extends SessionRoutesOptions {
  readonly service: SessionService;
  /** Where the server listens: its own name in `Host` headers. Null when any host may be named. */
  readonly listenHost: string | null;
  /** Further names of hosts that it answers to. Default: none. */
  readonly hosts?: readonly string[];
  /** The project whose sessions are the threads of CopilotKit's pages, at `/api/copilotkit`. Default null: none. */
  readonly copilotKitProject?: string | null;
  /** The files of the inspector, at `/`; without any a text there says how they are made. Default null: nothing is there. */
  readonly page?: readonly PageFile[] | null;
  /** Whether `/openapi.json` and `/docs` are served. Default: yes. */
  readonly docs?: boolean;
  /** Origins whose pages may call. Default: none, and no answer has CORS headers. */
  readonly corsOrigins?: readonly string[];
  /** Told of each request. Default: nobody. */
  readonly report?: ReportAnswer | null;
}

/**
 * Without credentials: a caller's token is in a header that its page sets, never in a cookie. All
 * headers that a preflight asks for are allowed, since only the origin matters.
 */
const CORS = {
  allowMethods: ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"],
  exposeHeaders: [
    "Content-Disposition",
    "Retry-After",
    "X-Runlog-End",
    "X-Runlog-End-Offset",
    "X-Runlog-Has-After",
    "X-Runlog-Has-Before",
    "X-Runlog-Replay",
    "X-Runlog-Size",
    "X-Runlog-Skipped-Lines",
    "X-Runlog-Start",
    "X-Runlog-Start-Offset",
    "ETag",
    "Location",
    "Producer-Epoch",
    "Producer-Expected-Seq",
    "Producer-Received-Seq",
    "Producer-Seq",
    "Stream-Closed",
    "Stream-Cursor",
    "Stream-Next-Offset",
    "Stream-Up-To-Date",
  ],
  maxAge: 600,
};

/**
 * The whole server as the entries serve it: probes, the routes of sessions and agents, and clear 404s.
 *
 * @example
 * ```ts
 * import { createApp, type SessionService } from "runlog";
 *
 * export const fetchOf = (service: SessionService) =>
 *   createApp({ service, listenHost: "127.0.0.1", corsOrigins: ["https://ui.example"] }).fetch;
 * ```
 */
export function createApp(options: AppOptions): Hono {
  const { service, listenHost, hosts = [], corsOrigins = [] } = options;
  const { copilotKitProject = null, page = null, docs = true, report = null } = options;
  const ours = hostNames(listenHost === null ? hosts : [...LOOPBACK, listenHost, ...hosts]);
  const app = new Hono();
  if (report) app.use("*", reportAnswers(report));
  app.use("*", securityHeaders());
  if (listenHost !== null) app.use("*", hostGuard(ours));
  app.use("*", originGuard({ ours, corsOrigins }));
  if (corsOrigins.length > 0) app.use("*", cors({ ...CORS, origin: [...corsOrigins] }));
  app.route("/", createProbeRoutes(service));
  if (page !== null) app.route("/", createPageRoutes(page));
  if (docs) app.route("/", createDocsRoutes());
  app.route("/api/projects/:projectName/agentic-sessions", createSessionRoutes(service, options));
  if (copilotKitProject !== null) {
    const server = { fetch: app.fetch, project: copilotKitProject, service };
    app.route("/api/copilotkit", createCopilotKitRoutes(server));
  }
  app.route("/v1/streams/:projectName", createStreamRoutes(service, options));
  app.route("/api/projects/:projectName/agents", createAgentRoutes(service, options));
  app.notFound((c) => problem(c, { code: "not-found", detail: "Not found" }));
  app.onError((error, c) => {
    service.logger.error("request-failed", { route: c.req.routePath, error });
    return problemOf(c, error);
  });
  return app;
}
