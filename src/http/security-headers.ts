import type { MiddlewareHandler } from "hono";

/**
 * For a browser that opens such a URL: content of a runner or a log is never treated as a page of
 * ours, whatever its type is, and no other site gets the address that it came from.
 */
export const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  "X-Content-Type-Options": "nosniff",
  "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
  "Cross-Origin-Resource-Policy": "same-origin",
  "Referrer-Policy": "no-referrer",
};

/**
 * Adds to every answer the headers that keep browsers from treating it as more than data (PROTOCOL
 * 1.7).
 */
export function securityHeaders(): MiddlewareHandler {
  return async (c, next) => {
    await next();
    for (const [name, value] of Object.entries(SECURITY_HEADERS)) c.res.headers.set(name, value);
  };
}
