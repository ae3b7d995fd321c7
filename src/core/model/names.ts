import { RunlogError } from "../../ports/errors.ts";
import { isLabel } from "../../ports/label.ts";
import type { SessionKey } from "../../ports/log-store.ts";

const TASK_ID = /^[A-Za-z0-9_-]{1,128}$/;

/** A session's service in a cluster is a label as well, `session-` and the session's name. */
const MAX_NEW_NAME = 55;

/** The key of a session whose names came from outside; throws `invalid-name`, project first. */
export function sessionKey(project: string, session: string): SessionKey {
  return { project: projectName(project), session: sessionName(session) };
}

/** `name` if it can be a project's; throws `invalid-name`. */
export function projectName(name: string): string {
  if (!isLabel(name)) throw new RunlogError("invalid-name", "Invalid project name format");
  return name;
}

/** `name` if it can be a background task's: 1-128 of `[A-Za-z0-9_-]`; throws `invalid-name`. */
export function taskId(name: string): string {
  if (!TASK_ID.test(name)) throw new RunlogError("invalid-name", "Invalid task id");
  return name;
}

/** `name` if a session can be made under it: one by which its runner can be reached. */
export function newSessionName(name: string): string {
  if (sessionName(name).length <= MAX_NEW_NAME) return name;
  throw new RunlogError(
    "invalid-name",
    `Invalid session name: a new one has at most ${MAX_NEW_NAME} characters`,
  );
}

function sessionName(name: string): string {
  if (!isLabel(name)) throw new RunlogError("invalid-name", "Invalid session name");
  return name;
}
