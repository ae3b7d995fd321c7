import type { Context } from "hono";
import { forkSession } from "../core/lifecycle/fork-session.ts";
import { textField } from "../core/model/json-fields.ts";
import type { SessionService } from "../core/service.ts";
import { callerOf, directoryOf } from "./access.ts";
import { MAX_SMALL_BODY } from "./read-body.ts";
import { bodyOf, failed } from "./session-change.ts";
import { sessionKeyOf } from "./session-key.ts";

/** `POST …/fork`: a new session with the log of this one up to a cursor (PROTOCOL 20.4). */
export function forkPost(service: SessionService) {
  return async (c: Context): Promise<Response> => {
    const body = await bodyOf(c, service, MAX_SMALL_BODY);
    const displayName = textField(body, "displayName");
    const request = {
      at: textField(body, "at") ?? "",
      ...(displayName !== undefined && { displayName }),
      caller: callerOf(c),
      signal: c.req.raw.signal,
    };
    try {
      const forked = await forkSession(service, directoryOf(c, service), sessionKeyOf(c), request);
      return c.json(forked, 201);
    } catch (error) {
      return failed(c, service, error, "Failed to fork agentic session");
    }
  };
}
