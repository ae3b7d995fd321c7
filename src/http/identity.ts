import type { Context } from "hono";
import type { Caller } from "../ports/authorizer.ts";
import { sanitizeUserId } from "../ports/user-id.ts";

/**
 * Who calls, in auth mode `none` (contract 1.2): what a front end's server says in its headers.
 * Labels only - this mode protects nothing.
 */
export function forwardedCaller(c: Context): Caller {
  const user = c.req.header("X-Forwarded-User") ?? "";
  const userId = sanitizeUserId(user);
  if (userId === "") return { userId: null, userName: null, groups: [], token: null };
  const userName = c.req.header("X-Forwarded-Preferred-Username") ?? user;
  return { userId, userName, groups: [], token: null };
}
