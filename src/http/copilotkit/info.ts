import { type CopilotKitAgents, DEFAULT_AGENT } from "./agents.ts";
import type { CallSession } from "./session-calls.ts";

/** The version of CopilotKit's runtime whose routes these are. */
const VERSION = "1.75.0";

/** `GET info`: what a page of CopilotKit may use here. */
export async function info(call: CallSession, { all }: CopilotKitAgents): Promise<Response> {
  const listed = await call({ method: "GET", session: null, path: "?limit=1" });
  await listed.body?.cancel();
  // who may see single sessions only has no list of them
  if (!listed.ok && listed.status !== 403) return refused(listed);
  const list = listed.ok;
  const threadEndpoints = { list, inspect: true, mutations: true, realtimeMetadata: false };
  // who may not list sessions is told no names of agents (PROTOCOL 21.1)
  const shown = list ? all : all.filter(({ id }) => id === DEFAULT_AGENT);
  const agents = shown.map(({ description, id }) => [
    id,
    { name: id, description, className: "RunlogAgent" },
  ]);
  return Response.json({
    version: VERSION,
    agents: Object.fromEntries(agents),
    mode: "sse",
    threadEndpoints,
    singleRoute: { resourceOperations: true, threadEndpoints },
    suggestions: true,
    audioFileTranscriptionEnabled: false,
    a2uiEnabled: false,
    openGenerativeUIEnabled: false,
    telemetryDisabled: true,
  });
}

function refused({ headers, status }: Response): Response {
  const retryAfter = headers.get("Retry-After");
  return Response.json(
    { error: "The sessions are not available", message: "The sessions are not available" },
    { status, headers: retryAfter === null ? {} : { "Retry-After": retryAfter } },
  );
}
