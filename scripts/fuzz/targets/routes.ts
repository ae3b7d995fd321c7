import * as fc from "fast-check";
import { type FuzzTarget, fuzzTarget } from "../fuzz-target.ts";
import { requestOf, requests, type WireRequest } from "../http-inputs.ts";
import { type RunnerAnswer, runnerAnswers } from "../runner-inputs.ts";
import { type FuzzServer, startFuzzServer } from "../server.ts";

/** Events of a stream without end are read for so long. */
const STREAM_MS = 5;
const PROBLEM = "application/problem+json";

/**
 * Whatever is asked, and whatever the runner answers: there is an answer, it is no 500, errors are
 * problem documents without a secret, and what is stored in the end are whole events.
 */
export const target: FuzzTarget = fuzzTarget(
  "routes",
  fc.record({ asked: requests, answers: runnerAnswers }),
  async ({
    asked,
    answers,
  }: {
    asked: readonly WireRequest[];
    answers: readonly RunnerAnswer[];
  }) => {
    const server = await startFuzzServer(answers);
    try {
      for (const wire of asked) await ask(server, wire);
    } finally {
      await server.close();
    }
    await server.assertWholeEvents();
  },
);

async function ask(server: FuzzServer, wire: WireRequest): Promise<void> {
  const request = requestOf(wire);
  // what no client can send reaches no server
  if (request === null) return;
  const response = await server.fetch(request);
  const text = await bodyOf(response);
  if (response.status < 400 || isRunners(request, response, text)) return;
  assertProblem(text, response);
  if (response.status === 503) assertRetry(response);
  else if (response.status >= 500 && response.status !== 502)
    throw new Error(`answered ${response.status}: ${text}`);
}

/** Whether it is the runner's own refusal, passed on with its status: that says anything. */
function isRunners({ url }: Request, { headers }: Response, text: string): boolean {
  // the answer to a HEAD does not say whose it is
  if (headers.get("Content-Type") === PROBLEM)
    return text === "" || text.includes('"/problems/runner-refused"');
  return new URL(url).pathname.includes("/agui/tasks");
}

function assertRetry({ headers }: Response): void {
  if (!headers.has("Retry-After")) throw new Error("503 without Retry-After");
}

function assertProblem(text: string, { status, headers }: Response): void {
  if (headers.get("Content-Type") !== PROBLEM) throw new Error(`no problem document: ${text}`);
  const problem: Readonly<Record<string, unknown>> = JSON.parse(text);
  if (problem["status"] !== status || problem["error"] !== problem["detail"])
    throw new Error(`a problem document that contradicts itself: ${text}`);
  if (status >= 500 && /runner\.invalid|node_modules|\.ts\b/.test(text))
    throw new Error(`says too much: ${text}`);
}

/** The body as text; of a stream without end what comes at first, of one that breaks off nothing. */
async function bodyOf(response: Response): Promise<string> {
  if (response.headers.get("Content-Type") !== "text/event-stream")
    return response.text().catch(() => "");
  const reader = response.body?.getReader();
  if (!reader) return "";
  const timer = setTimeout(() => void reader.cancel().catch(() => {}), STREAM_MS);
  try {
    while (!(await reader.read()).done);
    return "";
  } catch {
    // where a runner breaks off, what is passed on of its answer does
    return "";
  } finally {
    clearTimeout(timer);
  }
}
