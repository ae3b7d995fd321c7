import { RunlogError } from "../../src/ports/errors.ts";
import type { RunnerStream } from "../../src/ports/runner-client.ts";
import type { ByteBudget } from "../../src/stream/byte-budget.ts";
import type { LoopTurns } from "../../src/stream/loop-turns.ts";
import { BatchStream } from "./batch-stream.ts";
import { Intake } from "./intake.ts";
import { type HttpRequest, type HttpTransport, sendRequest } from "./request.ts";

export interface EventAnswerOptions extends HttpTransport {
  readonly intakeBudget: ByteBudget;
  readonly turns: LoopTurns;
  readonly maxEventBytes: number;
}

/** One attempt at a request that is answered by events. Throws as `sendRequest`, or `runner-refused`. */
export async function openEvents(
  request: HttpRequest,
  options: EventAnswerOptions,
): Promise<RunnerStream> {
  request.headers.set("Accept", "text/event-stream");
  const { response, connection, release } = await sendRequest(request, options);
  const { body, status } = response;
  if (status !== 200) {
    release();
    body?.cancel().catch(() => {
      // it is broken already
    });
    throw refusal(status);
  }
  const intake = new Intake(options.maxEventBytes);
  const batches = new BatchStream({
    body,
    intake,
    budget: options.intakeBudget,
    turns: options.turns,
    connection,
    onEnd: release,
  });
  return { batches, counts: intake.counts };
}

export function refusal(status: number): RunlogError {
  return new RunlogError("runner-refused", `the runner answered ${status}`, { status });
}
