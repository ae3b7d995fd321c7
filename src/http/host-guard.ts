import type { Context, MiddlewareHandler } from "hono";
import { RunlogError } from "../ports/errors.ts";
import { problemOf } from "./problem.ts";

/**
 * Refuses requests that name a host which is not `ours`. Without authentication a page on the web
 * could otherwise reach a server on loopback under a name of its own (DNS rebinding).
 */
export function hostGuard(ours: ReadonlySet<string>): MiddlewareHandler {
  return async (c, next) => {
    if (!ours.has(hostName(hostOf(c)))) return refused(c, "Host not allowed");
    return next();
  };
}

/**
 * Refuses requests from other machines, and those that name another host than loopback, for a server that
 * asks nobody who they are. Where `peerOf` does not know the sender, the host decides alone. What a proxy has passed on is refused, as far as it
 * says so.
 */
export function onlyLoopback(peerOf: (c: Context) => string | null): MiddlewareHandler {
  const ours = hostNames(LOOPBACK);
  return async (c, next) => {
    const peer = peerOf(c);
    const isPassedOn = PASSED_ON.some((name) => c.req.header(name) !== undefined);
    if (!isPassedOn && (peer === null || LOOPBACK_PEER.test(peer)) && ours.has(hostName(hostOf(c))))
      return next();
    return refused(
      c,
      "Only requests from this machine to localhost are served: nothing authorizes others (createRunlog takes `authorize`)",
    );
  };
}

/** What proxies say: the sender is not who asks. */
const PASSED_ON = ["Forwarded", "X-Forwarded-For", "Via"] as const;
const LOOPBACK_PEER = /^(?:::1|(?:::ffff:)?127\.\d{1,3}\.\d{1,3}\.\d{1,3})$/i;

export interface OriginGuardOptions {
  /** Names of this server, whatever a request's `Host` is. */
  readonly ours: ReadonlySet<string>;
  /** Origins whose pages are meant to call. */
  readonly corsOrigins: readonly string[];
}

const READS: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"]);

/**
 * Refuses requests by which a page of another origin would change something: a browser sends the
 * page's origin with every such request, and a request without one is from no browser. A page is
 * the server's own if the browser reports so, or by the host of its origin: by the request's own
 * `Host`, the `X-Forwarded-Host` of a proxy, or one of `ours`.
 */
export function originGuard({ ours, corsOrigins }: OriginGuardOptions): MiddlewareHandler {
  return async (c, next) => {
    const isOwn = READS.has(c.req.method) || isFromOwnPage(c, ours);
    if (isOwn || corsOrigins.includes(c.req.header("Origin") ?? "")) return next();
    return refused(c, "Origin not allowed");
  };
}

function isFromOwnPage(c: Context, ours: ReadonlySet<string>): boolean {
  const origin = c.req.header("Origin");
  const site = c.req.header("Sec-Fetch-Site");
  if (site === "same-origin") return true;
  if (site === "cross-site") return false;
  // "none": the browser's user did it, not a page
  if (origin === undefined) return site === undefined || site === "none";
  const url = URL.parse(origin);
  if (!url) return false;
  // the host as a proxy reports it; a page of another origin cannot set it without having been
  // allowed to
  const hosts = [hostOf(c), c.req.header("X-Forwarded-Host")?.split(",", 1)[0]?.trim()];
  const isNamed = (host?: string): boolean =>
    !!host && url.host === URL.parse(`${url.protocol}//${host}/`)?.host;
  return ours.has(url.hostname) || hosts.some(isNamed);
}

/** Names by which a server is reached on its own machine. */
export const LOOPBACK: readonly string[] = ["localhost", "127.0.0.1", "[::1]"];

/** Names of hosts as requests are compared with them: as URLs have them, without ports. */
export function hostNames(names: readonly string[]): ReadonlySet<string> {
  return new Set(names.map(hostName).filter((name) => name !== ""));
}

function hostOf(c: Context): string {
  return c.req.header("Host") ?? new URL(c.req.url).host;
}

/** A host without its port, as URLs have it; "" for invalid text. */
function hostName(host: string): string {
  const isBareIpv6 = /^[0-9a-f]*:[0-9a-f:.]*:[0-9a-f:.]*$/i.test(host);
  const text = isBareIpv6 ? `[${host}]` : host;
  if (!/^[\w.:[\]-]+$/.test(text)) return "";
  return URL.parse(`http://${text}/`)?.hostname ?? "";
}

function refused(c: Context, text: string): Response {
  return problemOf(c, new RunlogError("host-refused", text));
}
