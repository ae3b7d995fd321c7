import type { Context } from "hono";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import { hasCode } from "../ports/errors.ts";
import { problem } from "./problem.ts";

/**
 * The status for a runner's answer that is neither the expected success nor an error: a redirect, a
 * 204.
 */
const BAD_GATEWAY = 502;

/**
 * The answer where a call of the runner failed: the runner's own status and text, or 502. Throws
 * every other error again.
 */
export function runnerProblem(c: Context, error: unknown): Response {
  if (!hasCode(error, "runner-unreachable", "runner-refused")) throw error;
  const { code, message: detail } = error;
  return problem(c, { code, detail, status: refusedStatus(error.facts["status"]) });
}

/** A runner's status as ours: only errors are passed on as they are. */
export function refusedStatus(status: unknown): ContentfulStatusCode {
  return isErrorStatus(status) ? status : BAD_GATEWAY;
}

function isErrorStatus(status: unknown): status is ContentfulStatusCode {
  return typeof status === "number" && status >= 400 && status <= 599;
}
