import type { Context } from "hono";
import { openSnapshotAt } from "../core/profile/snapshot-at.ts";
import type { SessionService } from "../core/service.ts";
import { RunlogError } from "../ports/errors.ts";
import { openStream } from "./open-stream.ts";
import { sessionKeyOf } from "./session-key.ts";

/** A space, which may stand between the members of a JSON object. */
const HEARTBEAT = Uint8Array.of(0x20);

/** `GET …/agui/snapshot`: what a client has at a cursor, as one JSON object (PROTOCOL 20.3). */
export function snapshotGet(service: SessionService) {
  return async (c: Context): Promise<Response> =>
    service.sessions.lend(sessionKeyOf(c), async (use) => {
      const source = await openSnapshotAt(service, use, c.req.query("at") ?? "");
      if (!source) throw new RunlogError("event-not-found", "The session has no log");
      const headers = { "Content-Type": "application/json" };
      if (c.req.method !== "HEAD")
        return c.body(openStream(service, source, { heartbeat: HEARTBEAT }), 200, headers);
      source.close();
      return c.body(null, 200, headers);
    });
}
