import { RunlogError } from "../ports/errors.ts";
import type { Clock } from "../ports/clock.ts";
import type { Logger } from "../ports/logger.ts";
import type { StreamPacer } from "../stream/sse/paced-stream.ts";
import { endToEndHeaders } from "../stream/http/end-to-end-headers.ts";
import { sameText } from "../stream/text/same-text.ts";
import { sseComment } from "../stream/sse/sse-frame.ts";
import type { Agent } from "./agent.ts";
import { passedResponse } from "./pass-through.ts";
import type { Recording } from "./recording.ts";
import { routeOf } from "./routes.ts";
import { type BodySpool, readRunRequest, type RunRequest } from "./run-request.ts";
import type { Runs, StartedRun } from "./runs.ts";
import type { Threads } from "./threads.ts";

export interface AnswersOptions {
  readonly agent: Agent;
  readonly runs: Runs;
  readonly threads: Threads;
  readonly bodies: BodySpool;
  readonly pacer: StreamPacer;
  readonly clock: Clock;
  readonly logger: Pick<Logger, "warn" | "error">;
  readonly sessionToken: (() => Promise<string>) | null;
  readonly isClosing: () => boolean;
}

const HEARTBEAT = sseComment("relay");
const EVENT_STREAM = "text/event-stream";
const RESUME_HEADER = "X-Runlog-Resume";
const TOKEN_HEADER = "X-Ambient-Session-Token";
const CURSOR_HEADER = "Last-Event-ID";
/**
 * An agent that has not answered for so long, in ms, is answered for: until then its caller does not know that the run
 * can be taken up.
 */
const ANSWER_FOR_MS = 1_000;
const RETRY_LATER = { "Retry-After": "5" };
/** Asked by who has no token: whether the agent is well. */
const OPEN_PATHS: ReadonlySet<string> = new Set(["/health", "/healthz"]);

/** What a relay answers to each request. It never rejects. */
export function createAnswers({
  agent,
  runs,
  threads,
  bodies,
  pacer,
  clock,
  logger,
  sessionToken,
  isClosing,
}: AnswersOptions): (request: Request) => Promise<Response> {
  function streamOf(recording: Recording, offset: number): ReadableStream<Uint8Array> {
    return pacer.stream(recording.read(offset), { heartbeat: HEARTBEAT });
  }

  async function resume(recording: Recording, request: Request): Promise<Response> {
    const id = cursorOf(request);
    const offset = await recording.offsetAfter(id);
    if (offset === null) return problem(410, "The run's events are no longer all there");
    if (id !== null) recording.acknowledge(offset);
    return eventsResponse(streamOf(recording, offset));
  }

  async function postRun(request: Request): Promise<Response> {
    if (isClosing()) return stopping();
    const posted = await readRunRequest(request.body, bodies, request.signal);
    const { runId } = posted;
    if (runId !== null) return startRun(runId, posted, request);
    try {
      const sent = { method: "POST", path: "", headers: request.headers, body: posted.body() };
      return passedResponse(
        await agent.ask({ ...sent, bodyBytes: posted.bytes, signal: request.signal }),
      );
    } finally {
      await posted.release();
    }
  }

  async function startRun(runId: string, posted: RunRequest, request: Request): Promise<Response> {
    const start = async (): Promise<StartedRun> => {
      try {
        return await runs.start(posted, runId, request.headers);
      } finally {
        await posted.release();
      }
    };
    const starting = start();
    const started = await valueWithin(ANSWER_FOR_MS, clock, starting);
    if (started === null) {
      const recording = await runs.promise(runId);
      if (recording) return resume(recording, request);
    }
    return startedResponse(started ?? (await starting), request);
  }

  async function startedResponse(started: StartedRun, request: Request): Promise<Response> {
    if (started.kind === "known") return resume(started.recording, request);
    if (started.kind === "refused") return passedResponse(started.answer);
    const headers = endToEndHeaders(started.answer.headers);
    headers.delete("Content-Length");
    headers.set("Content-Type", headers.get("Content-Type") ?? EVENT_STREAM);
    headers.set(RESUME_HEADER, "1");
    return new Response(streamOf(started.recording, 0), { headers });
  }

  async function getEvents(runId: string, request: Request): Promise<Response> {
    const recording = await runs.promise(runId);
    return recording ? resume(recording, request) : problem(404, "There is no such run");
  }

  async function deleteRun(runId: string, request: Request): Promise<Response> {
    const id = cursorOf(request);
    const recording = id === null ? null : await runs.find(runId);
    const offset = recording && (await recording.offsetAfter(id));
    // up to there only, where there is more
    if (recording && offset !== null && (recording.endedAtMs === null || offset < recording.end))
      recording.acknowledge(offset);
    else if (id === null || offset === recording?.end) await runs.delete(runId);
    return new Response(null, { status: 204 });
  }

  async function getThread(threadId: string, request: Request): Promise<Response> {
    if (isClosing()) return stopping();
    const opened = await threads.open(threadId, request.headers);
    if ("answer" in opened) return passedResponse(opened.answer);
    const { recording } = opened;
    const id = cursorOf(request);
    const offset = id === null ? recording.start : await recording.offsetAfter(id);
    // what came after it may have gone with an earlier recording: whoever asks has to know that
    if (offset === null) return problem(410, "The thread's events are no longer all there");
    if (id !== null) recording.acknowledge(offset);
    return eventsResponse(streamOf(recording, offset));
  }

  async function answer(request: Request): Promise<Response> {
    const { pathname, search } = new URL(request.url);
    const { method, headers } = request;
    if (sessionToken && !OPEN_PATHS.has(pathname)) {
      const given = headers.get(TOKEN_HEADER);
      if (given === null || !sameText(given, await sessionToken()))
        return problem(401, "Unauthorized");
    }
    if (method === "POST" && pathname === "/") return postRun(request);
    const route = routeOf(method, pathname);
    if (route?.id === null) return problem(404, "There is no such id");
    if (route?.name === "run-events") return getEvents(route.id, request);
    if (route?.name === "run") return deleteRun(route.id, request);
    if (route?.name === "thread") return getThread(route.id, request);
    const { body, signal } = request;
    const path = (pathname === "/" ? "" : pathname) + search;
    return passedResponse(await agent.ask({ method, path, headers, body, signal }));
  }

  return async (request) => {
    try {
      return await answer(request);
    } catch (error) {
      if (error instanceof RunlogError) {
        logger.error("spool-failed", { error });
        return problem(503, "The relay cannot keep anything now", RETRY_LATER);
      }
      if (!request.signal.aborted) logger.warn("agent-unreachable", { error });
      return problem(502, "The agent does not answer");
    }
  };
}

/** What a promise gives within some ms, or null. Rejects as it does, within them. */
function valueWithin<T>(ms: number, clock: Clock, promise: Promise<T>): Promise<T | null> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(ms, () => resolve(null));
    promise.then(resolve, reject).finally(cancel);
  });
}

/** The last id that the client has; null where it has none. */
function cursorOf({ headers }: Request): string | null {
  return headers.get(CURSOR_HEADER) || null;
}

function eventsResponse(body: ReadableStream<Uint8Array>): Response {
  const headers = {
    "Content-Type": EVENT_STREAM,
    "Cache-Control": "no-store",
    [RESUME_HEADER]: "1",
  };
  return new Response(body, { headers });
}

function stopping(): Response {
  return problem(503, "The relay is stopping", RETRY_LATER);
}

/** A refusal in the form that runners have. */
function problem(status: number, detail: string, headers: Record<string, string> = {}): Response {
  return Response.json({ detail }, { status, headers });
}
