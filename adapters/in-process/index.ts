import type { Logger } from "../../src/ports/logger.ts";
import { type Agent, type AgentEvent, type AgentInput, runAgent } from "./agent.ts";

export type {
  Agent,
  AgentEvent,
  AgentFunction,
  AgentInput,
  AgentObject,
  AgentRunOptions,
} from "./agent.ts";

export interface InProcessRunnerOptions {
  /** Logs, as `agent-failed`, what agents throw. Default: not logged. */
  readonly logger?: Pick<Logger, "warn">;
}

/** A run that goes on. */
interface Running {
  readonly host: string;
  readonly threadId: string;
  readonly ending: AbortController;
}

const ENDS: ReadonlySet<string> = new Set(["RUN_FINISHED", "RUN_ERROR"]);

/**
 * A runner's HTTP surface for an agent in this process: a function like `fetch`, to be given to
 * `createHttpRunnerClient`. Its runs are like those of any runner: stored, then shown.
 *
 * `POST /` runs the agent and answers its events as SSE. An agent that is a function is asked for the
 * next event when the one before it has been taken; one that is an object (`AbstractAgent`) cannot be
 * slowed down, so that what it sends waits in memory. Cancelling the answer aborts the run's signal, and
 * so does `POST /interrupt` with `{"thread_id"}`. A run that fails, or that ends without its end being
 * sent, ends with RUN_ERROR `agent-failed` and the error's message, or `interrupted`. `GET /capabilities` is
 * what `getCapabilities` gives, or `{}`; everything else is 404.
 *
 * @example
 * ```ts
 * import { createInProcessRunner } from "runlog/in-process";
 *
 * export const runner = createInProcessRunner(async function* ({ threadId, runId }) {
 *   yield { type: "RUN_STARTED", threadId, runId };
 *   yield { type: "TEXT_MESSAGE_CHUNK", messageId: "m1", role: "assistant", delta: "Hello" };
 *   yield { type: "RUN_FINISHED", threadId, runId };
 * });
 * ```
 */
export function createInProcessRunner(
  agent: Agent,
  { logger = { warn() {} } }: InProcessRunnerOptions = {},
): (request: Request) => Promise<Response> {
  const running = new Set<Running>();

  function run(host: string, input: AgentInput): Response {
    const ending = new AbortController();
    const one = { host, threadId: input.threadId, ending };
    running.add(one);
    const onFailed = (error: unknown): void => {
      const { runId, threadId } = input;
      if (!ending.signal.aborted) logger.warn("agent-failed", { runId, threadId, error });
    };
    const stream = eventStream(agent, input, { ending, onFailed });
    void stream.closed.then(() => running.delete(one));
    return new Response(stream.readable, {
      headers: { "content-type": "text/event-stream", "cache-control": "no-cache" },
    });
  }

  function interrupt(host: string, body: unknown): Response {
    const threadId = isObject(body) ? body["thread_id"] : undefined;
    const hit = [...running].filter(
      (one) => one.host === host && (threadId === undefined || one.threadId === threadId),
    );
    for (const { ending } of hit)
      ending.abort(new DOMException("The run was interrupted", "AbortError"));
    return hit.length > 0
      ? Response.json({ message: "Interrupt signal sent" })
      : Response.json({ detail: "No run of this thread" }, { status: 404 });
  }

  async function capabilities(): Promise<Response> {
    const known = typeof agent === "function" ? {} : await agent.getCapabilities?.();
    return Response.json(known ?? {});
  }

  return async (request) => {
    const { host, pathname } = new URL(request.url);
    switch (`${request.method} ${pathname}`) {
      case "POST /": {
        const input = await readJson(request);
        if (isInput(input)) return run(host, input);
        return Response.json({ detail: "The body is no RunAgentInput" }, { status: 422 });
      }
      case "POST /interrupt":
        return interrupt(host, await readJson(request));
      case "GET /capabilities":
        return capabilities();
      default:
        return Response.json({ detail: "Not Found" }, { status: 404 });
    }
  };
}

/** A run's events as SSE. `closed` resolves when the agent has ended or is no longer listened to. */
function eventStream(
  agent: Agent,
  input: AgentInput,
  {
    ending,
    onFailed,
  }: { readonly ending: AbortController; readonly onFailed: (error: unknown) => void },
): { readonly readable: ReadableStream<Uint8Array>; readonly closed: Promise<void> } {
  const encoder = new TextEncoder();
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const writer = writable.getWriter();
  // the reader has gone: the run was cancelled
  writer.closed.catch((error: unknown) => ending.abort(error));

  async function play(): Promise<void> {
    let hasEnded = false;
    const next = async (event: AgentEvent): Promise<void> => {
      hasEnded ||= ENDS.has(event.type);
      await writer.write(encoder.encode(`data: ${JSON.stringify(event)}\n\n`));
    };
    let failure = "The agent's run ended without RUN_FINISHED or RUN_ERROR";
    try {
      await runAgent(agent, input, { signal: ending.signal, next });
    } catch (error) {
      onFailed(error);
      failure = messageOf(error);
    }
    if (!hasEnded) await next(endOf(ending.signal, failure));
    await writer.close();
  }

  // what cannot be written has no reader any more
  const closed = play().catch((error: unknown) => writer.abort(error).catch(() => {}));
  return { readable, closed };
}

function endOf(
  signal: AbortSignal,
  failure: string,
): AgentEvent & { readonly message: string; readonly code: string } {
  return signal.aborted
    ? { type: "RUN_ERROR", message: "The run was interrupted", code: "interrupted" }
    : { type: "RUN_ERROR", message: failure, code: "agent-failed" };
}

/** An error's message; anything may be thrown, also what cannot be made a text. */
function messageOf(error: unknown): string {
  if (error instanceof Error) return error.message;
  return typeof error === "string" ? error : "The agent failed";
}

async function readJson(request: Request): Promise<unknown> {
  try {
    return await request.json();
  } catch {
    return undefined;
  }
}

function isInput(value: unknown): value is AgentInput {
  if (!isObject(value)) return false;
  const { threadId, runId, messages } = value;
  return typeof threadId === "string" && typeof runId === "string" && Array.isArray(messages);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
