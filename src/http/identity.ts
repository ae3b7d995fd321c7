import type { Context } from "hono";
import type { Caller } from "../ports/authorizer.ts";

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

/** Cut to 253, what is not `[A-Za-z0-9._-]` becomes `-`, no `-` at an end, none doubled. */
export function sanitizeUserId(name: string): string {
  return name
    .slice(0, 253)
    .replace(/[^A-Za-z0-9._-]/g, "-")
    .replace(/-{2,}/g, "-")
    .replace(/^-|-$/g, "");
}
