import type { Context } from "hono";
import { assertAgentOf } from "../core/documents/session-agent.ts";
import { readCapabilities } from "../core/runner/runner-calls.ts";
import type { SessionService } from "../core/service.ts";
import { agentNamed } from "./agent-named.ts";
import { sessionKeyOf } from "./session-key.ts";

/** `GET …/agui/capabilities`: the capabilities of the session's agent (PROTOCOL 9.5). */
export function capabilitiesGet(service: SessionService) {
  return async (c: Context): Promise<Response> => {
    const key = sessionKeyOf(c);
    const agent = agentNamed(c);
    await assertAgentOf(service.directory, key, agent);
    const json = await readCapabilities(service, key, agent);
    return c.body(json, 200, { "Content-Type": "application/json" });
  };
}
