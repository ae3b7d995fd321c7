import type { Clock } from "../../src/ports/clock.ts";
import type {
  ListenRequest,
  ResumeRequest,
  RunnerClient,
  RunnerRequest,
  RunnerStream,
} from "../../src/ports/runner-client.ts";
import type { ByteBudget } from "../../src/stream/sync/byte-budget.ts";
import { createTimeSlicer } from "../../src/stream/sync/time-slicer.ts";
import { callRunner, urlBelow } from "./call.ts";
import { type EventAnswerOptions, openEvents, refusal } from "./event-answer.ts";
import { retryUnconnected, type RetryOptions } from "./retry.ts";
import type { SessionToken } from "./session-token.ts";

export type { RetryOptions } from "./retry.ts";
export type { SessionToken } from "./session-token.ts";

/**
 * Time in ms of each turn of the event loop for events from runners, of all of them together: fast
 * runners do not make other tasks wait longer.
 */
const INTAKE_TURN_MS = 10;

export interface HttpRunnerClientOptions {
  /**
   * Makes the requests. It should fail to connect after some seconds, with an error that `retry.ts`
   * recognises; a silent body it should never end.
   */
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>;
  readonly clock: Clock;
  /** Shared by all streams of the process: what they hold beyond 256 KiB each. */
  readonly intakeBudget: ByteBudget;
  /** Largest event that is passed on, default 64 MiB. */
  readonly maxEventBytes?: number;
  /** How long an attempt may take until the runner has answered, connecting included; default 30 s. */
  readonly headersTimeoutMs?: number;
  /** How attempts that made no connection are repeated. */
  readonly retry?: RetryOptions;
  /** Silence in ms after which the connection of a resumable run counts as broken. Default 30 s. */
  readonly silenceMs?: number;
  /** Sent to runners as `X-Ambient-Session-Token`. Default: they want none. */
  readonly sessionToken?: SessionToken;
}

/**
 * A RunnerClient over HTTP: runs are posted with a JSON body and answered by an event stream.
 * Aborting the request's signal makes the method, or what it resolved with, throw its reason.
 *
 * @example
 * ```ts
 * import { createByteBudget } from "runlog";
 * import { systemClock } from "runlog/node";
 * import { createHttpRunnerClient } from "runlog/runner-http";
 *
 * const intakeBudget = createByteBudget(64 * 1024 * 1024);
 * const runner = createHttpRunnerClient({ fetch, clock: systemClock, intakeBudget });
 * ```
 */
export function createHttpRunnerClient(options: HttpRunnerClientOptions): RunnerClient {
  const { fetch, clock, intakeBudget, sessionToken = null } = options;
  const { headersTimeoutMs: timeoutMs = 30_000, maxEventBytes = 64 * 1024 * 1024 } = options;
  const { silenceMs = 30_000 } = options;
  const turns = createTimeSlicer({ turnMs: INTAKE_TURN_MS });
  const answers = { fetch, clock, sessionToken, intakeBudget, turns, maxEventBytes, silenceMs };
  const once = <T>(attempt: () => Promise<T>, signal: AbortSignal): Promise<T> =>
    retryUnconnected(attempt, { attempts: 1 }, { clock, signal });

  return {
    run: (request) =>
      retryUnconnected(() => attemptRun(request, answers, timeoutMs), options.retry ?? {}, {
        clock,
        signal: request.signal,
      }),
    resume: (request) =>
      once(() => attemptResume(request, answers, request.timeoutMs ?? timeoutMs), request.signal),
    listen: (request) => once(() => attemptListen(request, answers, timeoutMs), request.signal),
    call: (request) => callRunner(request, answers),
  };
}

function attemptRun(
  { key, address: url, body, headers: given, signal }: RunnerRequest,
  answers: EventAnswerOptions,
  timeoutMs: number,
): Promise<RunnerStream> {
  const headers = new Headers(given);
  headers.set("Content-Type", "application/json");
  // a Blob has a length, unlike a stream, and is not joined or copied again for each attempt
  const blob = new Blob([...body]);
  return openEvents({ key, method: "POST", url, headers, body: blob, timeoutMs, signal }, answers);
}

async function attemptResume(
  { key, address, runId, after, signal }: ResumeRequest,
  answers: EventAnswerOptions,
  timeoutMs: number,
): Promise<RunnerStream> {
  const segment = segmentOf(runId);
  if (segment === null) throw refusal(404, { isAsked: false });
  const url = urlBelow(address, `runs/${segment}/events`);
  const headers = headersAfter(after);
  const request = { key, method: "GET", url, headers, timeoutMs, signal } as const;
  return openEvents(request, answers, { isTakenUp: true });
}

function headersAfter(id: string | null): Headers {
  return new Headers(id === null ? {} : { "Last-Event-ID": id });
}

async function attemptListen(
  { key, address, threadId, after = null, signal }: ListenRequest,
  answers: EventAnswerOptions,
  timeoutMs: number,
): Promise<RunnerStream> {
  const segment = segmentOf(threadId);
  if (segment === null) throw refusal(404, { isAsked: false });
  const url = urlBelow(address, `events/${segment}`);
  const headers = headersAfter(after);
  return openEvents({ key, method: "GET", url, headers, timeoutMs, signal }, answers);
}

/** An id as one segment of a path, or null if it cannot be one. */
function segmentOf(id: string): string | null {
  // a URL parser takes dots away also where they are percent-encoded
  if (/^\.{0,2}$/.test(id)) return null;
  try {
    return encodeURIComponent(id);
  } catch {
    return null;
  }
}
