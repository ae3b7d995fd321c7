import type { RunnerClient, RunnerStream } from "../../ports/runner-client.ts";
import { INSTRUMENTS, type RunnerOperation } from "./instruments.ts";
import type { Meters } from "./meters.ts";
import { watchBatches } from "./watch-batches.ts";
import { timed } from "./timed.ts";

/** A RunnerClient over `runner` whose calls and events are measured. */
export function measuredRunner(runner: RunnerClient, meters: Meters): RunnerClient {
  const time = <T>(operation: RunnerOperation, work: () => Promise<T>): Promise<T> =>
    timed(meters, INSTRUMENTS.runnerCalls, operation, work);
  const stream = async (
    operation: RunnerOperation,
    work: () => Promise<RunnerStream>,
  ): Promise<RunnerStream> => counted(await time(operation, work), operation, meters);
  const resume = runner.resume?.bind(runner);
  return {
    run: (request) => stream("run", () => runner.run(request)),
    ...(resume && {
      resume: (request) => stream("resume", () => resume(request)),
    }),
    listen: (request) => stream("listen", () => runner.listen(request)),
    call: (request) => time("call", () => runner.call(request)),
  };
}

function counted(
  stream: RunnerStream,
  operation: RunnerOperation,
  { record }: Meters,
): RunnerStream {
  return watchBatches(stream, {
    onBatch({ events }) {
      const bytes = events.reduce((sum, event) => sum + event.bytes, 0);
      record(INSTRUMENTS.runnerEvents, events.length, { operation });
      record(INSTRUMENTS.runnerBytes, bytes, { operation });
    },
  });
}
