import type { Context } from "hono";

/** The header of a request that one server has passed on to another: it goes no further. */
const FORWARDED = "X-Runlog-Forwarded";

/** Headers that concern a connection, and not the request (RFC 9110, 7.6.1). */
const HOP_BY_HOP = [
  "connection",
  "expect",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
];

/** Whether the request says that it was passed on, which anybody may say. */
export function wasForwarded(c: Context): boolean {
  return c.req.header(FORWARDED) !== undefined;
}

/**
 * The address of the peer from whom the server that passed the request on has it; null unless that server shows this one's
 * `key`, which only those know who may read the store.
 */
export function forwardedPeer(c: Context, key: string | null): string | null {
  const [shown = "", peer = ""] = (c.req.header(FORWARDED) ?? "").split(" ");
  return key !== null && isSame(shown, key) && peer !== "" ? peer : null;
}

/** The headers with which a request is passed on to the server with this key. */
export function forwardedHeaders(given: Headers, key: string, peer: string | null): Headers {
  const headers = withoutHopByHop(given);
  headers.set(FORWARDED, `${key} ${peer ?? ""}`.trim());
  return headers;
}

/** The headers that are meant for whoever gets the message at last. */
export function withoutHopByHop(given: Headers): Headers {
  const headers = new Headers(given);
  const named = (given.get("connection") ?? "").split(",").map((name) => name.trim());
  for (const name of [...HOP_BY_HOP, ...named]) if (/^[\w-]+$/.test(name)) headers.delete(name);
  return headers;
}

/** Takes as long whatever they differ in. */
function isSame(a: string, b: string): boolean {
  let difference = a.length ^ b.length;
  for (let at = 0; at < a.length; at++) difference |= a.charCodeAt(at) ^ b.charCodeAt(at);
  return difference === 0;
}
