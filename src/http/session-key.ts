import type { Context } from "hono";
import { projectName, sessionKey, taskId } from "../core/model/names.ts";
import type { SessionKey } from "../ports/log-store.ts";

/** The project of the request's path; throws `invalid-name`. Hono has decoded it, once. */
export function projectOf(c: Context): string {
  return projectName(c.req.param("projectName") ?? "");
}

/** The session of the request's path; throws `invalid-name` before anything is touched. */
export function sessionKeyOf(c: Context): SessionKey {
  return sessionKey(c.req.param("projectName") ?? "", c.req.param("sessionName") ?? "");
}

/** The background task of the request's path; throws `invalid-name`. */
export function taskIdOf(c: Context): string {
  return taskId(c.req.param("taskId") ?? "");
}
