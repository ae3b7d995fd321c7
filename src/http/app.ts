import { Hono } from "hono";
import type { SessionService } from "../core/service.ts";
import { allowedHosts, hostGuard } from "./host-guard.ts";
import { createProbeRoutes } from "./probe-routes.ts";
import { problem, problemOf } from "./problem.ts";
import { createSessionRoutes, type SessionRoutesOptions } from "./session-routes.ts";

export interface AppOptions extends SessionRoutesOptions {
  readonly service: SessionService;
  /** Where the server listens: its own name in `Host` headers. Null when any host may be named. */
  readonly listenHost: string | null;
}

/** The whole server as the entries serve it: probes, the session routes, and clear 404s. */
export function createApp({ service, listenHost, ...options }: AppOptions): Hono {
  const app = new Hono();
  if (listenHost !== null) app.use("*", hostGuard(allowedHosts(listenHost)));
  app.route("/", createProbeRoutes(service));
  app.route("/api/projects/:projectName/agentic-sessions", createSessionRoutes(service, options));
  app.notFound((c) => problem(c, { code: "not-found", detail: "Not found" }));
  app.onError((error, c) => {
    service.logger.error("request-failed", { route: c.req.routePath, error });
    return problemOf(c, error);
  });
  return app;
}
