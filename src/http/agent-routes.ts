import type { Context, Hono } from "hono";
import type { SessionService } from "../core/service.ts";
import { ACCESS } from "./access.ts";
import { mountRoutes, type Route, type SessionRoutesOptions } from "./mount-routes.ts";
import { AGENT_DOCS } from "./openapi/stream-docs.ts";
import { OWNER } from "./owner-guard.ts";

/** All routes below the path of a project's agents. */
export const AGENT_ROUTES: readonly Route[] = [
  ["GET", "/", ACCESS.list, OWNER.any, "list", agentsGet, AGENT_DOCS.list],
];

/**
 * The list of the agents that sessions can have (PROTOCOL 21), to be mounted beside the session routes, as at
 * `/api/projects/:projectName/agents`. Whoever may list sessions may read it.
 *
 * @example
 * ```ts
 * import { Hono } from "hono";
 * import { createAgentRoutes, type SessionService } from "runlog";
 *
 * export const mount = (service: SessionService): Hono =>
 *   new Hono().route("/api/projects/:projectName/agents", createAgentRoutes(service));
 * ```
 */
export function createAgentRoutes(
  service: SessionService,
  options: SessionRoutesOptions = {},
): Hono {
  return mountRoutes(service, AGENT_ROUTES, options);
}

/** `GET …/agents`: the agents, the default first (PROTOCOL 21.1). */
function agentsGet({ directory }: SessionService) {
  const agents = directory.agents.map(({ name, description }) => ({
    name,
    ...(description !== null && { description }),
  }));
  return (c: Context): Response => c.json({ agents });
}
