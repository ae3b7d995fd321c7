import type { MiddlewareHandler } from "hono";

/**
 * For a browser that is pointed here: what a runner or a log says is never a page of ours, whatever
 * its type is, and nobody is told which address it came from.
 */
export const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  "X-Content-Type-Options": "nosniff",
  "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
  "Cross-Origin-Resource-Policy": "same-origin",
  "Referrer-Policy": "no-referrer",
};

/** Adds to every answer what keeps browsers from making more of it than data (PROTOCOL 1.7). */
export function securityHeaders(): MiddlewareHandler {
  return async (c, next) => {
    await next();
    for (const [name, value] of Object.entries(SECURITY_HEADERS)) c.res.headers.set(name, value);
  };
}
