import { RunlogError } from "../../ports/errors.ts";
import { isLabel } from "../../ports/label.ts";
import type { SessionKey } from "../../ports/log-store.ts";
import { isSessionName } from "../../ports/session-name.ts";

const TASK_ID = /^[A-Za-z0-9_-]{1,128}$/;

/** A session's service in a cluster is a label as well, `session-` and the session's name. */
const MAX_NEW_LABEL = 55;

/** Names that are the platform's, as in a cluster, are labels; others are as clients like them. */
export interface NameRule {
  readonly logsMakeSessions: boolean;
}

/** The key of a session whose names came from outside; throws `invalid-name`, project first. */
export function sessionKey(
  project: string,
  session: string,
  rule: NameRule = { logsMakeSessions: true },
): SessionKey {
  const key = { project: projectName(project), session };
  if (isNameBy(rule, session)) return key;
  throw new RunlogError("invalid-name", "Invalid session name");
}

/** Whether a session can have this name. */
export function isNameBy({ logsMakeSessions }: NameRule, name: string): boolean {
  return logsMakeSessions ? isSessionName(name) : isLabel(name);
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

/**
 * `name` if a session can be made under it: one by which its runner can be reached. Throws
 * `invalid-name`.
 */
export function newSessionName(name: string, rule: NameRule): string {
  if (!isNameBy(rule, name)) throw new RunlogError("invalid-name", "Invalid session name");
  if (rule.logsMakeSessions || name.length <= MAX_NEW_LABEL) return name;
  throw new RunlogError(
    "invalid-name",
    `Invalid session name: a new one has at most ${MAX_NEW_LABEL} characters`,
  );
}
