import type { MiddlewareHandler } from "hono";
import { wasAuthenticated } from "./access.ts";

const PRIVATE = "private, no-store";

/**
 * Keeps caches from storing an answer, which is made for one caller. A stream sends `no-cache` by
 * itself, by which proxies recognise streams, and the rest as well where the request had a token.
 */
export function keptByNobody(): MiddlewareHandler {
  return async (c, next) => {
    await next();
    const { headers } = c.res;
    const own = headers.get("Cache-Control");
    if (own === null) headers.set("Cache-Control", PRIVATE);
    else if (wasAuthenticated(c)) headers.set("Cache-Control", `${own}, ${PRIVATE}`);
  };
}
