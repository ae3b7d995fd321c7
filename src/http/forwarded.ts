import type { Context } from "hono";
import { endToEndHeaders } from "../stream/http/end-to-end-headers.ts";
import { sameText } from "../stream/text/same-text.ts";

/** The header of a request that one server has passed on to another: it goes no further. */
const FORWARDED = "X-Runlog-Forwarded";

/** Whether the request says that it was passed on, which anybody may say. */
export function wasForwarded(c: Context): boolean {
  return c.req.header(FORWARDED) !== undefined;
}

/** Whether a server that shows this one's `key` has passed the request on. */
export function isFromServer(c: Context, key: string | null): boolean {
  const [shown = ""] = (c.req.header(FORWARDED) ?? "").split(" ");
  return key !== null && sameText(shown, key);
}

/**
 * The address of the peer from whom the server that passed the request on has it; null unless that server shows this one's
 * `key`, which only those know who may read the store.
 */
export function forwardedPeer(c: Context, key: string | null): string | null {
  const [, peer = ""] = (c.req.header(FORWARDED) ?? "").split(" ");
  return isFromServer(c, key) && peer !== "" ? peer : null;
}

/** The headers with which a request is passed on to the server with this key. */
export function forwardedHeaders(given: Headers, key: string, peer: string | null): Headers {
  const headers = endToEndHeaders(given);
  headers.delete("expect");
  headers.set(FORWARDED, `${key} ${peer ?? ""}`.trim());
  return headers;
}
