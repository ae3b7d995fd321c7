import type { Context } from "hono";
import { readCapabilities } from "../core/runner/runner-calls.ts";
import type { SessionService } from "../core/service.ts";
import { sessionKeyOf } from "./session-key.ts";

/** `GET …/agui/capabilities`: the capabilities of the session's agent (PROTOCOL 9.5). */
export function capabilitiesGet(service: SessionService) {
  return async (c: Context): Promise<Response> => {
    const json = await readCapabilities(service, sessionKeyOf(c));
    return c.body(json, 200, { "Content-Type": "application/json" });
  };
}
