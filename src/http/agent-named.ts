import type { Context } from "hono";

/** The agent that the request names, by its path or else by `?agent=`; null if none. */
export function agentNamed(c: Context): string | null {
  return c.req.param("agentName") ?? (c.req.query("agent") || null);
}
