import type { MiddlewareHandler } from "hono";
import { showedToken } from "./access.ts";

const PRIVATE = "private, no-store";

/**
 * Has no cache keep an answer: it is made for one caller. A stream says `no-cache` by itself, which is what
 * proxies know streams by, and the rest as well where a token was shown for it.
 */
export function keptByNobody(): MiddlewareHandler {
  return async (c, next) => {
    await next();
    const { headers } = c.res;
    const own = headers.get("Cache-Control");
    if (own === null) headers.set("Cache-Control", PRIVATE);
    else if (showedToken(c)) headers.set("Cache-Control", `${own}, ${PRIVATE}`);
  };
}
