import type { Clock } from "../../src/ports/clock.ts";
import { BoundedMap } from "../../src/stream/sync/bounded-map.ts";
import { type DemoInput, isObject, type JsonObject, lastUserMessage, parseInput } from "./input.ts";
import { paceEvents } from "./pace.ts";
import { playScript, QUESTION_TOOL } from "./play.ts";
import { answerScript, FIRST_SCRIPT } from "./script.ts";

export interface DemoRunnerOptions {
  /** Times the play and stamps its events. */
  readonly clock: Clock;
  /** Factor by which the script runs faster than real time, default 1: about 15 to 20 s a run. */
  readonly speed?: number;
}

/** How many threads may wait for an answer; beyond it the oldest question is forgotten. */
const MAX_OPEN_QUESTIONS = 1_000;

const CAPABILITIES: JsonObject = {
  framework: "demo",
  agent_features: ["agentic_chat", "human_in_the_loop", "shared_state"],
  platform_features: ["interrupt"],
  file_system: false,
  mcp: false,
};

/**
 * A runner pod's HTTP surface without a pod: a function like `fetch` that plays a scripted run.
 *
 * `POST /` answers a `RunAgentInput` with an SSE stream of AG-UI events, `data: {json}` LF LF and
 * nothing else, as runners do; it is pulled, so a reader that stops stops the play, and cancelling
 * ends it. The run ends with a question, and the next run of the thread reacts to the answer. A body
 * that is no `RunAgentInput` is 422. `POST /interrupt` with `{"thread_id"}` (without it: every
 * thread of this host) ends the running play with RUN_ERROR `interrupted`. `GET /capabilities` and
 * `GET /health` answer JSON, everything else is 404. Threads are distinguished by host and id.
 *
 * @example
 * ```ts
 * import { createDemoRunner } from "runlog/demo";
 * import { systemClock } from "runlog/node";
 *
 * const runner = createDemoRunner({ clock: systemClock, speed: 10 });
 * const health = await runner(new Request("http://demo/health"));
 * ```
 */
export function createDemoRunner(
  options: DemoRunnerOptions,
): (request: Request) => Promise<Response> {
  const { clock, speed = 1 } = options;
  const interrupts = new Map<() => void, { readonly host: string; readonly threadId: string }>();
  const questions = new BoundedMap<string, string>(MAX_OPEN_QUESTIONS);

  function run(host: string, input: DemoInput): Response {
    const thread = `${host} ${input.threadId}`;
    const { text, isAnswer } = lastUserMessage(input);
    const toolCallId = questions.get(thread);
    questions.delete(thread);
    const answered = isAnswer || toolCallId !== undefined;
    const events = playScript(
      answered ? answerScript(text) : FIRST_SCRIPT,
      input,
      toolCallId === undefined ? undefined : { toolCallId, content: text },
    );
    const { stream, interrupt } = paceEvents(events, {
      clock,
      speed,
      onEvent(event) {
        if (event["type"] === "TOOL_CALL_START" && event["toolCallName"] === QUESTION_TOOL)
          questions.set(thread, String(event["toolCallId"]));
      },
      onEnd: () => void interrupts.delete(interrupt),
    });
    interrupts.set(interrupt, { host, threadId: input.threadId });
    return new Response(stream, {
      headers: { "content-type": "text/event-stream", "cache-control": "no-cache" },
    });
  }

  function interruptRuns(host: string, body: unknown): Response {
    const threadId = isObject(body) ? body["thread_id"] : undefined;
    const hit = [...interrupts].filter(
      ([, play]) => play.host === host && (threadId === undefined || play.threadId === threadId),
    );
    for (const [interrupt] of hit) interrupt();
    return hit.length > 0
      ? Response.json({ message: "Interrupt signal sent" })
      : Response.json({ detail: "No active session" }, { status: 500 });
  }

  return async (request) => {
    const { host, pathname } = new URL(request.url);
    switch (`${request.method} ${pathname}`) {
      case "POST /": {
        const input = parseInput(await readJson(request));
        if (input !== null) return run(host, input);
        return Response.json({ detail: "The body is no RunAgentInput" }, { status: 422 });
      }
      case "POST /interrupt":
        return interruptRuns(host, await readJson(request));
      case "GET /capabilities":
        return Response.json(CAPABILITIES);
      case "GET /health":
        return Response.json({ status: "healthy" });
      default:
        return Response.json({ detail: "Not Found" }, { status: 404 });
    }
  };
}

async function readJson(request: Request): Promise<unknown> {
  try {
    return await request.json();
  } catch {
    return undefined;
  }
}
