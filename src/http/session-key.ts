import type { Context } from "hono";
import { type NameRule, projectName, sessionKey, taskId } from "../core/model/names.ts";
import type { SessionKey } from "../ports/log-store.ts";

/** The project of the request's path; throws `invalid-name`. Hono has decoded it, once. */
export function projectOf(c: Context): string {
  return projectName(c.req.param("projectName") ?? "");
}

/**
 * The session of the request's path; throws `invalid-name` before anything is touched. `rule` is
 * checked before a route's handler runs, which need not do so again.
 */
export function sessionKeyOf(c: Context, rule?: NameRule): SessionKey {
  return sessionKey(c.req.param("projectName") ?? "", c.req.param("sessionName") ?? "", rule);
}

/** The background task of the request's path; throws `invalid-name`. */
export function taskIdOf(c: Context): string {
  return taskId(c.req.param("taskId") ?? "");
}
