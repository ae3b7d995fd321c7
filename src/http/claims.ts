import type { Context } from "hono";
import type { CallerClaims } from "../ports/authorizer.ts";
import { forwardedPeer } from "./forwarded.ts";
import { givenProject } from "./session-key.ts";

export interface ClaimsOptions {
  /** Address of the peer that sent a request, or null where the runtime does not report it. */
  readonly peerOf?: (c: Context) => string | null;
  /** The key by which another process shows that it has passed a request on. Default null: none does. */
  readonly peerKey?: string | null;
  /** Whether a token may stand in the URL, which proxies and browsers log. */
  readonly tokenInUrl: boolean;
}

/** A request's claims about its caller. An invalid token is "". */
export function claimsOf(
  c: Context,
  { peerKey = null, peerOf, tokenInUrl }: ClaimsOptions,
): CallerClaims {
  const user = c.req.header("X-Forwarded-User") ?? null;
  return {
    token: tokenOf(c, tokenInUrl),
    forwardedUser: user,
    forwardedName: c.req.header("X-Forwarded-Preferred-Username") ?? user,
    peer: forwardedPeer(c, peerKey) ?? peerOf?.(c) ?? null,
    project: givenProject(c),
  };
}

/** The first place with a value counts (PROTOCOL 13.2). */
function tokenOf(c: Context, tokenInUrl: boolean): string | null {
  const given =
    c.req.header("X-Forwarded-Access-Token") ||
    c.req.header("Authorization") ||
    (tokenInUrl && c.req.query("token"));
  if (!given) return null;
  const token = given.replace(/^bearer(\s+|$)/i, "").trim();
  return /^[\u0021-\u007e]+$/.test(token) ? token : "";
}
