import { RunlogError, type RunlogErrorFacts } from "../../src/ports/errors.ts";
import type { RunnerStream } from "../../src/ports/runner-client.ts";
import type { ByteBudget } from "../../src/stream/sync/byte-budget.ts";
import type { TimeSlicer } from "../../src/stream/sync/time-slicer.ts";
import { BatchStream } from "./batch-stream.ts";
import { Intake } from "./intake.ts";
import { isSameOrigin, redirectOf } from "./redirect.ts";
import { type HttpRequest, type HttpTransport, type OpenAnswer, sendRequest } from "./request.ts";

export interface EventAnswerOptions extends HttpTransport {
  readonly intakeBudget: ByteBudget;
  readonly turns: TimeSlicer;
  readonly maxEventBytes: number;
  /** Silence in ms after which the connection of a resumable answer counts as broken. */
  readonly silenceMs: number;
}

const MAX_REDIRECTS = 3;
const RESUME_HEADER = "X-Runlog-Resume";
const EVENT_STREAM = "text/event-stream";
/** What a content type may be to be named: a client sees it. */
const MEDIA_TYPE = /^[\w!#$&^.+-]{1,60}\/[\w!#$&^.+-]{1,60}$/;

/**
 * One attempt at a request that is answered by events; `isTakenUp`: by those of a run that was begun before. Throws as `sendRequest`, `runner-refused`, or
 * `runner-not-an-event-stream`.
 */
export async function openEvents(
  request: HttpRequest,
  options: EventAnswerOptions,
  { isTakenUp = false }: { readonly isTakenUp?: boolean } = {},
): Promise<RunnerStream> {
  request.headers.set("Accept", EVENT_STREAM);
  const answer = await follow(request, options);
  const { body, headers } = answer.response;
  const contentType = mediaTypeOf(headers.get("Content-Type"));
  // some agents leave it out
  if (contentType !== null && contentType !== EVENT_STREAM) {
    discard(answer);
    throw notEvents(contentType);
  }
  const isResumable = headers.get(RESUME_HEADER) === "1";
  const comesAgain = isResumable || isTakenUp;
  const intake = new Intake(options.maxEventBytes, comesAgain);
  const batches = new BatchStream({
    body,
    intake,
    budget: options.intakeBudget,
    turns: options.turns,
    connection: answer.connection,
    onEnd: answer.release,
    silenceMs: comesAgain ? options.silenceMs : null,
    clock: options.clock,
  });
  return { batches, counts: intake.counts, isResumable };
}

/** The answer of the last of the redirects, a 200. */
async function follow(request: HttpRequest, options: EventAnswerOptions): Promise<OpenAnswer> {
  let { url } = request;
  for (let redirects = 0; ; redirects++) {
    const answer = await sendRequest({ ...request, url }, options);
    const { status, headers } = answer.response;
    if (status === 200) return answer;
    const next = redirectOf(status, headers.get("Location"), url);
    discard(answer);
    if (next === null || !isSameOrigin(next, url) || redirects === MAX_REDIRECTS)
      throw refusal(status, { redirect: next?.origin });
    url = next.href;
  }
}

function discard({ response, release }: OpenAnswer): void {
  release();
  response.body?.cancel().catch(() => {
    // it is broken already
  });
}

function mediaTypeOf(contentType: string | null): string | null {
  return contentType?.split(";", 1)[0]?.trim().toLowerCase() || null;
}

function notEvents(contentType: string): RunlogError {
  const named = MEDIA_TYPE.test(contentType) ? contentType : "an odd content type";
  const text = `the runner answered ${named} instead of an event stream`;
  return new RunlogError("runner-not-an-event-stream", text, { contentType: named });
}

export function refusal(status: number, facts: RunlogErrorFacts): RunlogError {
  const text = `the runner answered ${status}`;
  return new RunlogError("runner-refused", text, { status, ...facts });
}
