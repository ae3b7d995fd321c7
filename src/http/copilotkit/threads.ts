import { isObject, type JsonObject } from "../../core/model/json-fields.ts";
import { agentOf } from "../../ports/named-agent.ts";
import { type CopilotKitAgents, DEFAULT_AGENT } from "./agents.ts";
import type { CallSession } from "./session-calls.ts";

/** The annotation of a session that its thread is archived: hidden, and nothing else. */
const ARCHIVED = "runlog/copilotkit-archived";

const DEFAULT_LIMIT = 50;
const MAX_LIMIT = 100;

/** A thread as CopilotKit's clients have it. Times are RFC 3339. */
interface Thread {
  readonly id: string;
  readonly name: string | null;
  readonly agentId: string;
  readonly organizationId: "";
  readonly createdById: "";
  readonly archived: boolean;
  readonly createdAt: string;
  readonly updatedAt: string;
}

/** `GET threads`: a page of the project's sessions; its cursor is how many sessions are before the next. */
export async function listThreads(
  call: CallSession,
  agents: CopilotKitAgents,
  query: URLSearchParams,
): Promise<Response> {
  const agentId = query.get("agentId");
  const withArchived = query.get("includeArchived") === "true";
  const limit = Math.min(numberOf(query, "limit") || DEFAULT_LIMIT, MAX_LIMIT);
  const threads: Thread[] = [];
  let next: number | null = numberOf(query, "cursor");
  if (agentId !== null && !agents.has(agentId)) next = null;
  while (next !== null && threads.length < limit) {
    // most sessions may be of other agents
    const path = `?limit=${agentId === null ? limit : MAX_LIMIT}&offset=${next}`;
    const listed = await call({ method: "GET", session: null, path });
    if (!listed.ok) return listed;
    const page = await objectOf(listed);
    const documents: readonly unknown[] = Array.isArray(page["items"]) ? page["items"] : [];
    const end: number = next + documents.length;
    next = page["hasMore"] === true && documents.length > 0 ? end : null;
    for (const [index, document] of documents.entries()) {
      const thread = threadOf(document);
      const isOfAgent = agentId === null || agents.isOf(agentId, agentIn(document));
      const isMeant = isOfAgent && (withArchived || !thread.archived) && threads.length < limit;
      if (isMeant) threads.push(thread);
      const isLast = index === documents.length - 1;
      if (isMeant && threads.length === limit && !isLast) next = end - documents.length + index + 1;
    }
  }
  return Response.json({ threads, nextCursor: next === null ? null : String(next) });
}

/** `PATCH threads/:threadId`: names a thread, archives it or brings it back. */
export async function updateThread(
  call: CallSession,
  session: string,
  { archived, name }: JsonObject,
): Promise<Response> {
  if (typeof name === "string") {
    const body = JSON.stringify({ displayName: name });
    const named = await call({ method: "PUT", session, path: "/displayname", body });
    if (!named.ok) return named;
    await named.body?.cancel();
  }
  if (typeof archived === "boolean") {
    const changed = await setArchived(call, session, archived);
    if (!changed.ok) return changed;
    await changed.body?.cancel();
  }
  const read = await call({ method: "GET", session });
  return read.ok ? Response.json(threadOf(await read.json())) : read;
}

/** `POST threads/:threadId/archive`. */
export async function archiveThread(call: CallSession, session: string): Promise<Response> {
  const changed = await setArchived(call, session, true);
  if (!changed.ok) return changed;
  await changed.body?.cancel();
  return Response.json({ threadId: session, archived: true });
}

/** `DELETE threads/:threadId`: the session, with everything that is stored for it. */
export async function deleteThread(call: CallSession, session: string): Promise<Response> {
  const removed = await call({ method: "DELETE", session });
  return removed.ok ? Response.json({ threadId: session, deleted: true }) : removed;
}

/** `GET threads/:threadId/messages`: as CopilotKit's inspector shows them. */
export async function threadMessages(call: CallSession, session: string): Promise<Response> {
  const read = await call({ method: "GET", session, path: "/agui/messages" });
  if (!read.ok) return read;
  const { messages } = await objectOf(read);
  return Response.json({ messages: Array.isArray(messages) ? messages.map(shown) : [] });
}

/** `GET threads/:threadId/state`. */
export async function threadState(call: CallSession, session: string): Promise<Response> {
  const read = await call({ method: "GET", session, path: "/agui/messages" });
  if (!read.ok) return read;
  return Response.json({ state: (await objectOf(read))["state"] ?? null });
}

const OPENING = new TextEncoder().encode('{"events":[');
const CLOSING = new TextEncoder().encode("]}");
const LF = 10;
const COMMA = 0x2c;

/** `GET threads/:threadId/events`: all events, those of finished runs merged (PROTOCOL 6), while they are read. */
export async function threadEvents(call: CallSession, session: string): Promise<Response> {
  const accept = "application/x-ndjson";
  const read = await call({ method: "GET", session, path: "/export", accept });
  if (!read.ok) return read;
  let isFirst = true;
  // an LF that is not the last one stands between two events
  let endsLine = false;
  const toArray = new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
    transform(chunk, controller) {
      if (isFirst) controller.enqueue(OPENING);
      isFirst = false;
      if (chunk.length === 0) return;
      const part = new Uint8Array(chunk.length + Number(endsLine));
      if (endsLine) part[0] = COMMA;
      part.set(chunk, Number(endsLine));
      endsLine = part.at(-1) === LF;
      for (let at = part.indexOf(LF); at !== -1; at = part.indexOf(LF, at + 1)) part[at] = COMMA;
      controller.enqueue(endsLine ? part.subarray(0, -1) : part);
    },
    flush(controller) {
      if (isFirst) controller.enqueue(OPENING);
      controller.enqueue(CLOSING);
    },
  });
  const headers = { "Content-Type": "application/json" };
  return new Response(read.body?.pipeThrough(toArray) ?? '{"events":[]}', { headers });
}

function setArchived(call: CallSession, session: string, archived: boolean): Promise<Response> {
  const annotations = { [ARCHIVED]: archived ? "true" : null };
  return call({ method: "PATCH", session, body: JSON.stringify({ metadata: { annotations } }) });
}

function threadOf(document: unknown): Thread {
  const { metadata, spec } = objectIn(document);
  const { annotations, creationTimestamp, name } = objectIn(metadata);
  const { displayName } = objectIn(spec);
  const createdAt = String(creationTimestamp);
  return {
    id: String(name),
    name: (typeof displayName === "string" && displayName) || null,
    agentId: agentIn(document) ?? DEFAULT_AGENT,
    organizationId: "",
    createdById: "",
    archived: objectIn(annotations)[ARCHIVED] === "true",
    createdAt,
    updatedAt: createdAt,
  };
}

/** The name of a session's agent; null where it has none. */
function agentIn(document: unknown): string | null {
  return agentOf({ spec: objectIn(objectIn(document)["spec"]) });
}

/** A message in the inspector's own form. */
function shown(message: unknown): JsonObject {
  const { content, id, role, toolCallId, toolCalls } = objectIn(message);
  const said = content === undefined ? {} : { content };
  if (role === "tool") return { id, role, content, toolCallId };
  if (role !== "assistant" || !Array.isArray(toolCalls)) return { id, role, ...said };
  const calls = toolCalls.map((call: unknown) => {
    const { function: named, id: callId } = objectIn(call);
    const { arguments: args, name } = objectIn(named);
    return { id: callId, name, args };
  });
  return { id, role, ...said, ...(calls.length > 0 && { toolCalls: calls }) };
}

async function objectOf(response: Response): Promise<JsonObject> {
  return objectIn(await response.json());
}

function objectIn(value: unknown): JsonObject {
  return isObject(value) ? value : {};
}

/** A whole number in a query; 0 for anything else. */
function numberOf(query: URLSearchParams, name: string): number {
  const text = query.get(name) ?? "";
  return /^\d{1,9}$/.test(text) ? Number(text) : 0;
}
