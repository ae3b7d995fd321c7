import { getConnInfo } from "@hono/node-server/conninfo";
import type { Context } from "hono";

/** The sender's address; null where the server does not tell it as `@hono/node-server` does. */
export function peerOf(c: Context): string | null {
  try {
    return getConnInfo(c).remote.address ?? null;
  } catch {
    return null;
  }
}
