import type { Context, MiddlewareHandler } from "hono";
import { type NameRule, projectName, sessionKey, taskId } from "../core/model/names.ts";
import type { SessionKey } from "../ports/log-store.ts";

const PROJECT = "project";

/** Of requests whose path names no project it is this one. */
export function inProject(project: string): MiddlewareHandler {
  return async (c, next) => {
    c.set(PROJECT, project);
    await next();
  };
}

/** The project that a request names, not checked. Hono has decoded it, once. */
export function givenProject(c: Context): string {
  const project: string | undefined = c.req.param("projectName") ?? c.get(PROJECT);
  return project ?? "";
}

/** The project of the request; throws `invalid-name`. */
export function projectOf(c: Context): string {
  return projectName(givenProject(c));
}

/**
 * The session of the request's path; throws `invalid-name` before anything is touched. `rule` is
 * checked before a route's handler runs, which need not do so again.
 */
export function sessionKeyOf(c: Context, rule?: NameRule): SessionKey {
  return sessionKey(givenProject(c), c.req.param("sessionName") ?? "", rule);
}

/** The background task of the request's path; throws `invalid-name`. */
export function taskIdOf(c: Context): string {
  return taskId(c.req.param("taskId") ?? "");
}
