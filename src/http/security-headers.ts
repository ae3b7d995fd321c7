import type { Context, MiddlewareHandler } from "hono";

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
 * For the inspector, which is a page: it runs its own scripts and styles, speaks to this server alone, shows images that
 * events hold, and makes no HTML of any text.
 */
export const PAGE_HEADERS: Readonly<Record<string, string>> = {
  ...SECURITY_HEADERS,
  "Content-Security-Policy": [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join("; "),
  "Cross-Origin-Opener-Policy": "same-origin",
};

const OTHERS = new WeakMap<Request, Readonly<Record<string, string>>>();

/** Gives the answer to this request other headers than `SECURITY_HEADERS`. */
export function answerWith(c: Context, headers: Readonly<Record<string, string>>): void {
  OTHERS.set(c.req.raw, headers);
}

/**
 * Adds to every answer the headers that keep browsers from treating it as more than data (PROTOCOL
 * 1.7).
 */
export function securityHeaders(): MiddlewareHandler {
  return async (c, next) => {
    await next();
    const headers = OTHERS.get(c.req.raw) ?? SECURITY_HEADERS;
    for (const [name, value] of Object.entries(headers)) c.res.headers.set(name, value);
  };
}
