import type { MiddlewareHandler } from "hono";
import { RunlogError } from "../ports/errors.ts";
import { problemOf } from "./problem.ts";

/**
 * Refuses requests that name a host that is not ours. Without authentication a page on the web could
 * otherwise reach a server on loopback under a name of its own (DNS rebinding).
 */
export function hostGuard(allowed: ReadonlySet<string>): MiddlewareHandler {
  return async (c, next) => {
    const host = hostName(c.req.header("Host") ?? new URL(c.req.url).host);
    if (allowed.has(host)) return next();
    return problemOf(c, new RunlogError("host-refused", "Host not allowed"));
  };
}

/** The names of loopback, and whatever the server was told to listen on. */
export function allowedHosts(listenHost: string): ReadonlySet<string> {
  return new Set(["localhost", "127.0.0.1", "[::1]", hostName(listenHost)]);
}

function hostName(host: string): string {
  return host.toLowerCase().replace(/:\d+$/, "");
}
