import type { Clock } from "../../src/ports/clock.ts";
import { RunlogError } from "../../src/ports/errors.ts";
import type { RunnerClient, RunnerRequest, RunnerStream } from "../../src/ports/runner-client.ts";
import type { ByteBudget } from "../../src/stream/byte-budget.ts";
import { BatchStream } from "./batch-stream.ts";
import { Intake } from "./intake.ts";
import { madeNoConnection, retryUnconnected, type RetryOptions } from "./retry.ts";

export type { RetryOptions } from "./retry.ts";

export interface HttpRunnerClientOptions {
  /**
   * Carries the requests. It should give up on connecting after some seconds, with an error that
   * `retry.ts` knows; on a silent body never.
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
}

/**
 * A RunnerClient over HTTP: `POST` with a JSON body, answered by an event stream. Redirects are not
 * followed: they are answers other than 200. Aborting the request's signal makes `run`, or the
 * batches, throw its reason.
 */
export function createHttpRunnerClient(options: HttpRunnerClientOptions): RunnerClient {
  return {
    run: (request) =>
      retryUnconnected(() => attemptRun(request, options), options.retry ?? {}, {
        clock: options.clock,
        signal: request.signal,
      }),
  };
}

async function attemptRun(
  request: RunnerRequest,
  options: HttpRunnerClientOptions,
): Promise<RunnerStream> {
  const { intakeBudget, maxEventBytes = 64 * 1024 * 1024 } = options;
  const { signal } = request;
  signal.throwIfAborted();
  const connection = new AbortController();
  const onAbort = (): void => connection.abort(signal.reason);
  const onEnd = (): void => signal.removeEventListener("abort", onAbort);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    const response = await post(request, connection, options);
    if (response.status !== 200) throw refusal(response);
    const intake = new Intake(maxEventBytes);
    const { body } = response;
    const batches = new BatchStream({ body, intake, budget: intakeBudget, connection, onEnd });
    return { batches, counts: intake.counts };
  } catch (error) {
    onEnd();
    throw error;
  }
}

/** One request, up to its headers. Throws what `fetch` threw if that made no connection. */
async function post(
  { address, body, headers }: RunnerRequest,
  connection: AbortController,
  { fetch, clock, headersTimeoutMs = 30_000 }: HttpRunnerClientOptions,
): Promise<Response> {
  const { signal } = connection;
  const cancelTimeout = clock.after(headersTimeoutMs, () =>
    connection.abort(
      new RunlogError("runner-disconnected", `the runner did not answer in ${headersTimeoutMs} ms`),
    ),
  );
  const all = new Headers(headers);
  all.set("Content-Type", "application/json");
  all.set("Accept", "text/event-stream");
  try {
    return await fetch(address, {
      method: "POST",
      headers: [...all],
      // a Blob has a length, unlike a stream, and is not joined or copied again for each attempt
      body: new Blob([...body]),
      redirect: "manual",
      signal,
    });
  } catch (cause) {
    signal.throwIfAborted();
    if (madeNoConnection(cause)) throw cause;
    throw new RunlogError("runner-disconnected", "the runner closed the connection", { cause });
  } finally {
    cancelTimeout();
  }
}

function refusal(response: Response): RunlogError {
  const { status } = response;
  response.body?.cancel().catch(() => {
    // it is broken already
  });
  return new RunlogError("runner-refused", `the runner answered ${status}`, { status });
}
