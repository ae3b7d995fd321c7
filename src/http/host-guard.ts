import type { Context, MiddlewareHandler } from "hono";
import { RunlogError } from "../ports/errors.ts";
import { problemOf } from "./problem.ts";

/**
 * Refuses requests that name a host that is not ours, and those that change something on behalf of a
 * page that is not: a browser names the page's origin then. Without authentication a page on the web
 * could otherwise reach a server on loopback under a name of its own (DNS rebinding), or post to it
 * what needs no body. Pages of `corsOrigins` are meant to.
 */
export function hostGuard(
  allowed: ReadonlySet<string>,
  corsOrigins: readonly string[] = [],
): MiddlewareHandler {
  return async (c, next) => {
    const host = hostName(c.req.header("Host") ?? new URL(c.req.url).host);
    if (!allowed.has(host)) return refused(c, "Host not allowed");
    const origin = c.req.header("Origin");
    const isRead = c.req.method === "GET" || c.req.method === "HEAD";
    if (isRead || origin === undefined || allowed.has(originHost(origin))) return next();
    if (corsOrigins.includes(origin)) return next();
    return refused(c, "Origin not allowed");
  };
}

/** The names of loopback, and whatever the server was told to listen on. */
export function allowedHosts(listenHost: string): ReadonlySet<string> {
  return new Set(["localhost", "127.0.0.1", "[::1]", hostName(listenHost)]);
}

function refused(c: Context, text: string): Response {
  return problemOf(c, new RunlogError("host-refused", text));
}

/** The host of an origin; "" for one that has none, such as `null`. */
function originHost(origin: string): string {
  return URL.canParse(origin) ? hostName(new URL(origin).host) : "";
}

function hostName(host: string): string {
  return host.toLowerCase().replace(/:\d+$/, "");
}
