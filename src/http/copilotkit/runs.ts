import { parseExact } from "../../core/model/exact-json.ts";
import { isObject, type JsonObject } from "../../core/model/json-fields.ts";
import { RunlogError } from "../../ports/errors.ts";
import { membersInParts } from "../../stream/json/json-walk.ts";
import type { CopilotKitAgents } from "./agents.ts";
import type { PostedBodies } from "./posted-body.ts";
import type { CallSession } from "./session-calls.ts";

/** What of a session's routes takes a RunAgentInput. */
export type RunPath = "/agui/run" | "/agui/connect" | "/agui/suggest";

/** `POST agent/:agentId/run`, `connect` and `suggest`: the session is the one that the body names as its thread. */
export async function postToThread(
  call: CallSession,
  bodies: PostedBodies,
  {
    agents,
    agentId,
    body,
    path,
  }: {
    readonly agents: CopilotKitAgents;
    readonly agentId: string;
    readonly path: RunPath;
    readonly body: ReadableStream<Uint8Array<ArrayBuffer>> | null;
  },
): Promise<Response> {
  if (!agents.has(agentId)) return unknownAgent(agentId);
  const posted = await bodies.readThread(body);
  try {
    if (!posted.threadId)
      throw new RunlogError("invalid-input", "Invalid request body: threadId is missing");
    const session = posted.threadId;
    return await call({
      method: "POST",
      session,
      path: `${path}${agents.queryOf(agentId)}`,
      accept: EVENTS,
      body: posted.body,
    });
  } finally {
    posted.release();
  }
}

const EVENTS = "text/event-stream";

/** `POST agent/:agentId/stop/:threadId`: cancels the run that is named, or the active one. */
export async function stop(
  call: CallSession,
  {
    agents,
    agentId,
    scope,
    threadId,
  }: {
    readonly agents: CopilotKitAgents;
    readonly agentId: string;
    readonly scope: JsonObject;
    readonly threadId: string;
  },
): Promise<Response> {
  if (!agents.has(agentId)) return unknownAgent(agentId);
  const { runId } = scope;
  const body = JSON.stringify(typeof runId === "string" ? { runId } : {});
  const stopped = await call({ method: "POST", session: threadId, path: "/agui/cancel", body });
  if (stopped.status === 404) {
    await stopped.body?.cancel();
    return Response.json({ stopped: false, message: `No active run for thread '${threadId}'.` });
  }
  if (!stopped.ok) return stopped;
  await stopped.body?.cancel();
  const interrupt = { type: "RUN_ERROR", message: "Run stopped by user", code: "STOPPED" };
  return Response.json({ stopped: true, interrupt });
}

function unknownAgent(agentId: string): Response {
  const message = `Agent '${agentId}' does not exist`;
  return Response.json({ error: "Agent not found", message }, { status: 404 });
}

/** Whether an input is one for suggestions: their tool has to be called (CopilotKit's suggestion engine). */
export function isForSuggestions(input: Uint8Array): boolean {
  for (const member of membersInParts(input, 0)) {
    if (member?.key !== "forwardedProps") continue;
    const props = parseExact(input.subarray(member.valueStart, member.valueEnd));
    const choice = isObject(props) ? props["toolChoice"] : null;
    const named = isObject(choice) ? choice["function"] : null;
    return isObject(named) && named["name"] === "copilotkitSuggest";
  }
  return false;
}
