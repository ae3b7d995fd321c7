import type { Context } from "hono";
import { readMcpStatus } from "../core/runner/runner-calls.ts";
import type { SessionService } from "../core/service.ts";
import { sessionKeyOf } from "./session-key.ts";

/** `GET …/mcp/status`: the state of the session's MCP servers (PROTOCOL 9.5). */
export function mcpStatusGet(service: SessionService) {
  return async (c: Context): Promise<Response> => {
    const json = await readMcpStatus(service, sessionKeyOf(c));
    return c.body(json, 200, { "Content-Type": "application/json" });
  };
}
