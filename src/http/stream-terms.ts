import type { Context } from "hono";
import type { SessionService } from "../core/service.ts";
import { RunlogError } from "../ports/errors.ts";
import type { SessionKey } from "../ports/log-store.ts";
import { directoryOf } from "./access.ts";

/** What the protocol has and sessions have not, by the header that asks for it. */
const NOT_OFFERED = {
  "stream-ttl": "A session does not expire: Stream-TTL is not offered",
  "stream-expires-at": "A session does not expire: Stream-Expires-At is not offered",
  "stream-forked-from": "Stream-Forked-From is not offered",
  "stream-fork-offset": "Stream-Fork-Offset is not offered",
  "stream-fork-sub-offset": "Stream-Fork-Sub-Offset is not offered",
  "stream-seq": "Stream-Seq is not offered: Producer-Seq says which batch it is",
  "stream-closed":
    "A session's stream stays open: a run ends by RUN_FINISHED or RUN_ERROR, and its producer detaches",
} as const;

/** Refuses a request that asks for what cannot be given, rather than to give something else. Throws `invalid-input`. */
export function assertOffered(c: Context, names: readonly (keyof typeof NOT_OFFERED)[]): void {
  for (const name of names)
    if (c.req.header(name) !== undefined) throw new RunlogError("invalid-input", NOT_OFFERED[name]);
}

/** Throws `session-not-found` for a stream that has not been created. */
export async function assertStream(
  c: Context,
  service: SessionService,
  key: SessionKey,
): Promise<void> {
  if (await hasStream(c, service, key)) return;
  throw new RunlogError("session-not-found", "Session not found");
}

/** Whether there is such a session. */
export async function hasStream(
  c: Context,
  { sessions, ...service }: SessionService,
  key: SessionKey,
): Promise<boolean> {
  if (await sessions.with(key, (session) => session.find())) return true;
  return (await directoryOf(c, { sessions, ...service }).get(key)) !== null;
}
