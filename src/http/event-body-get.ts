import type { Context } from "hono";
import type { SessionService } from "../core/service.ts";
import { findStoredEvent, readStoredEvent } from "../core/replay/stored-event.ts";
import { openStream } from "./open-stream.ts";
import { sessionKeyOf } from "./session-key.ts";

/** `GET …/agui/events/:cursor/body`: one stored event, of any size (PROTOCOL 12). */
export function eventBodyGet(service: SessionService) {
  return async (c: Context): Promise<Response> => {
    const key = sessionKeyOf(c);
    const { store } = service;
    const event = await findStoredEvent(store, key, c.req.param("cursor") ?? "");
    const headers = {
      "Content-Type": "application/json",
      "Content-Length": String(event.end - event.start),
    };
    if (c.req.method === "HEAD") return c.body(null, 200, headers);
    return c.body(openStream(service, readStoredEvent(store, key, event)), 200, headers);
  };
}
