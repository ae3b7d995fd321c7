import type { Context } from "hono";
import { accepts } from "./accept.ts";

/** The headers of every event stream (PROTOCOL 4.1). */
export const SSE_HEADERS: Readonly<Record<string, string>> = {
  "Content-Type": "text/event-stream",
  "Cache-Control": "no-cache",
  "X-Accel-Buffering": "no",
};

/** Whether a request's `Accept` names event streams. */
export function acceptsEventStream(c: Context): boolean {
  return accepts(c.req.header("Accept"), "text/event-stream");
}

/** The id of the last frame that a client has, or null. Empty counts as missing. */
export function lastEventId(c: Context): string | null {
  return c.req.header("Last-Event-ID") || null;
}

/** The header with the reason why a client is sent the whole history. */
export function replayHeader(reason: string | null): Record<string, string> {
  return reason === null ? {} : { "X-Runlog-Replay": `full; reason=${reason}` };
}
