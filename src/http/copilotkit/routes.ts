import { type Context, Hono } from "hono";
import { parseExact } from "../../core/model/exact-json.ts";
import { isObject, type JsonObject, parseBody } from "../../core/model/json-fields.ts";
import { RunlogError } from "../../ports/errors.ts";
import { membersInParts } from "../../stream/json/json-walk.ts";
import { otherMethods } from "../other-methods.ts";
import { problemOf } from "../problem.ts";
import { type CopilotKitAgents, copilotKitAgents } from "./agents.ts";
import { info } from "./info.ts";
import { createPostedBodies, type PostedBodies } from "./posted-body.ts";
import { isForSuggestions, postToThread, type RunPath, stop } from "./runs.ts";
import { type CallSession, sessionCalls, type SessionServer } from "./session-calls.ts";
import {
  archiveThread,
  deleteThread,
  listThreads,
  threadEvents,
  threadMessages,
  threadState,
  updateThread,
} from "./threads.ts";

/** A request, in whichever of the two forms it came. */
interface CopilotKitRequest {
  readonly call: CallSession;
  readonly agents: CopilotKitAgents;
  readonly bodies: PostedBodies;
  readonly agentId: string;
  readonly threadId: string;
  readonly query: URLSearchParams;
  readonly body: ReadableStream<Uint8Array<ArrayBuffer>> | null;
}

type Answer = (request: CopilotKitRequest) => Promise<Response>;

const agentRoute =
  (path: RunPath): Answer =>
  ({ agentId, agents, bodies, body, call }) =>
    postToThread(call, bodies, { agents, agentId, body, path });

/** All routes below the base path. */
const ROUTES: readonly (readonly ["GET" | "POST" | "PATCH" | "DELETE", string, Answer])[] = [
  ["GET", "/info", ({ agents, call }) => info(call, agents)],
  ["POST", "/agent/:agentId/run", agentRoute("/agui/run")],
  ["POST", "/agent/:agentId/connect", agentRoute("/agui/connect")],
  ["POST", "/agent/:agentId/suggest", agentRoute("/agui/suggest")],
  [
    "POST",
    "/agent/:agentId/stop/:threadId",
    async ({ agentId, agents, bodies, body, call, threadId }) =>
      stop(call, { agents, agentId, threadId, scope: await objectIn(bodies, body) }),
  ],
  ["GET", "/threads", ({ agents, call, query }) => listThreads(call, agents, query)],
  // a development server of CopilotKit forgets its threads then; these are kept
  ["POST", "/threads/clear", () => Promise.resolve(new Response(null, { status: 204 }))],
  [
    "PATCH",
    "/threads/:threadId",
    async ({ bodies, body, call, threadId }) =>
      updateThread(call, threadId, await objectIn(bodies, body)),
  ],
  ["DELETE", "/threads/:threadId", ({ call, threadId }) => deleteThread(call, threadId)],
  ["POST", "/threads/:threadId/archive", ({ call, threadId }) => archiveThread(call, threadId)],
  ["GET", "/threads/:threadId/messages", ({ call, threadId }) => threadMessages(call, threadId)],
  ["GET", "/threads/:threadId/events", ({ call, threadId }) => threadEvents(call, threadId)],
  ["GET", "/threads/:threadId/state", ({ call, threadId }) => threadState(call, threadId)],
];

/** Which route is meant by a method of the single-route form. */
const METHODS: ReadonlyMap<string, string> = new Map([
  ["info", "/info"],
  ["agent/run", "/agent/:agentId/run"],
  ["agent/connect", "/agent/:agentId/connect"],
  ["agent/suggest", "/agent/:agentId/suggest"],
  ["agent/stop", "/agent/:agentId/stop/:threadId"],
]);

/**
 * What pages of CopilotKit ask its runtime for, answered by a server of sessions: such pages need no
 * runtime (PROTOCOL 19). A thread is the session of its name in the server's project. Callers may do what the
 * server's own routes allow them. To be mounted at a page's `runtimeUrl` by `app.route()`; both forms are served,
 * that with many routes and that with one.
 *
 * @example
 * ```ts
 * import { Hono } from "hono";
 * import { createCopilotKitRoutes, createRunlog } from "runlog";
 *
 * const runlog = await createRunlog({ runner: "http://localhost:8001/" });
 * export const app = new Hono().route("/api/copilotkit", createCopilotKitRoutes(runlog));
 * ```
 */
export function createCopilotKitRoutes(server: SessionServer): Hono {
  const routes = new Hono();
  const bodies = createPostedBodies();
  const agents = copilotKitAgents(server.service?.directory.agents ?? []);
  routes.onError((error, c) => problemOf(c, error));
  for (const [method, path, answer] of ROUTES)
    routes.on(method, [path], (c) =>
      answer({
        call: sessionCalls(server, c),
        agents,
        bodies,
        agentId: c.req.param("agentId") ?? "",
        threadId: c.req.param("threadId") ?? "",
        query: new URL(c.req.url).searchParams,
        body: c.req.raw.body,
      }),
    );
  routes.post("/", (c) => singleRoute(c, { agents, bodies, call: sessionCalls(server, c) }));
  for (const path of new Set(ROUTES.map(([, each]) => each)))
    routes.all(path, otherMethods(ROUTES.filter((row) => row[1] === path).map(([each]) => each)));
  return routes;
}

/** A POST of `{method, params, body}`: the same as the route that it names. */
async function singleRoute(
  c: Context,
  server: Pick<CopilotKitRequest, "agents" | "bodies" | "call">,
): Promise<Response> {
  const { method, params, body } = await readEnvelope(c, server.bodies);
  const named = (name: string): string => {
    const value = params[name];
    return typeof value === "string" ? value : "";
  };
  const request = { ...server, body: body && new Response(body).body };
  if (method === "resource/request") {
    const resource = findResource(named("httpMethod").toUpperCase(), named("path"));
    if (!resource) throw new RunlogError("invalid-input", "There is no such resource");
    const { answer, query, threadId } = resource;
    return answer({ ...request, agentId: "", threadId, query });
  }
  // a page that has one route asks for suggestions by a run
  const isSuggestion = method === "agent/run" && body !== null && isForSuggestions(body);
  const path = METHODS.get(isSuggestion ? "agent/suggest" : method);
  const route = ROUTES.find((row) => row[1] === path);
  if (!route) throw new RunlogError("invalid-input", `Unsupported method '${method}'`);
  const [, , answer] = route;
  const [agentId, threadId] = [named("agentId"), named("threadId")];
  return answer({ ...request, agentId, threadId, query: new URLSearchParams() });
}

interface Envelope {
  readonly method: string;
  readonly params: JsonObject;
  /** The JSON of the body as it came; null for none. */
  readonly body: Uint8Array<ArrayBuffer> | null;
}

async function readEnvelope(c: Context, bodies: PostedBodies): Promise<Envelope> {
  const held = await bodies.readWhole(c.req.raw.body);
  const { bytes } = held;
  try {
    const members = new Map<string, Uint8Array<ArrayBuffer>>();
    for (const member of membersInParts(bytes, 0))
      if (member) members.set(member.key, bytes.slice(member.valueStart, member.valueEnd));
    const [method, params] = ["method", "params"].map((name): unknown => {
      const json = members.get(name);
      return json && parseExact(json);
    });
    if (typeof method !== "string") throw new TypeError("no method");
    const body = members.get("body") ?? null;
    return { method, params: isObject(params) ? params : {}, body: isNull(body) ? null : body };
  } catch (cause) {
    const text = "Invalid request body: want {method, params, body}";
    throw new RunlogError("invalid-input", text, { cause });
  } finally {
    held.release();
  }
}

const isNull = (json: Uint8Array | null): boolean => json?.length === 4 && json[0] === 0x6e;

/** The resource that a path with a query names: of threads alone, as in CopilotKit's own. */
function findResource(method: string, path: string) {
  const [pathname = "", search = ""] = path.split("?", 2);
  const segments = pathname.split("/");
  for (const [own, pattern, answer] of ROUTES) {
    const parts = pattern.split("/");
    const isMeant = own === method && parts[1] === "threads" && parts.length === segments.length;
    if (!isMeant || !parts.every((part, i) => part.startsWith(":") || part === segments[i]))
      continue;
    const threadId = decoded(segments[parts.indexOf(":threadId")] ?? "");
    return threadId === null ? null : { answer, threadId, query: new URLSearchParams(search) };
  }
  return null;
}

function decoded(segment: string): string | null {
  try {
    return decodeURIComponent(segment);
  } catch {
    return null;
  }
}

/** A body that is a JSON object, or none. */
async function objectIn(
  bodies: PostedBodies,
  body: ReadableStream<Uint8Array<ArrayBuffer>> | null,
): Promise<JsonObject> {
  const held = await bodies.readWhole(body);
  const { bytes } = held;
  try {
    return bytes.length === 0 ? {} : parseBody(bytes);
  } finally {
    held.release();
  }
}
