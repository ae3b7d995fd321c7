import type { Caller } from "../../ports/authorizer.ts";
import type { SessionKey } from "../../ports/log-store.ts";
import type { EventBatch } from "../../ports/runner-client.ts";
import { concatBytes } from "../../stream/bytes/concat.ts";
import type { ChunkSource } from "../../stream/sse/paced-stream.ts";
import { UNFINISHED } from "../model/run-end-reasons.ts";
import { isTerminal } from "../model/run-span.ts";
import { runError } from "../model/server-events.ts";
import { acknowledgeRun, callerHeaders, type RunnerPorts } from "../runs/runner-calls.ts";

export interface UnstoredRun {
  readonly key: SessionKey;
  readonly runId: string;
  readonly threadId: string;
  /** The RunAgentInput, sent as it is. */
  readonly body: Uint8Array<ArrayBuffer>;
  readonly caller: Caller;
  /** Headers of the caller's request that are forwarded to the runner. */
  readonly headers: Readonly<Record<string, string>>;
  /** Which agent is run, of a session that has none yet. Null: the first. */
  readonly agent: string | null;
}

const DATA = new TextEncoder().encode("data: ");
const LF = 10;

/**
 * Runs an agent for its caller alone (PROTOCOL 9.10): frames of its events as it sends them, and a RUN_ERROR where it
 * sends no end. Closing the source ends the run. Throws what `RunnerClient.run` throws.
 */
export async function openUnstoredRun(
  options: RunnerPorts,
  { agent, body, caller, headers, key, runId, threadId }: UnstoredRun,
): Promise<ChunkSource> {
  const { clock, directory, runner } = options;
  const address = await directory.addressOf(key, agent);
  const ending = new AbortController();
  const { signal } = ending;
  const request = { key, address, headers: { ...headers, ...callerHeaders(caller) }, signal };
  const stream = await runner.run({ ...request, body: [body] });
  const batches = stream.batches[Symbol.asyncIterator]();
  let hasEnded = false;

  return {
    async next() {
      const batch = await batches.next().catch(() => null);
      if (batch?.done === false) {
        hasEnded ||= batch.value.events.some(isTerminal);
        return framesOf(batch.value);
      }
      if (hasEnded || signal.aborted) return null;
      hasEnded = true;
      const { code, message } = UNFINISHED;
      const context = { threadId, runId, timestamp: clock.now() };
      return framesOf({ lines: [runError(context, message, code)] });
    },
    atBoundary: true,
    close() {
      ending.abort();
      // a runner that keeps its runs would go on with it
      if (stream.isResumable === true) void acknowledgeRun(options, key, { runId, agent });
    },
  };
}

/** A frame a line, without ids: nobody can come back to what is not stored. */
function framesOf({ lines }: Pick<EventBatch, "lines">): Uint8Array<ArrayBuffer> {
  const bytes = concatBytes(lines);
  let count = 0;
  for (let at = bytes.indexOf(LF); at !== -1; at = bytes.indexOf(LF, at + 1)) count++;
  const frames = new Uint8Array(bytes.length + count * (DATA.length + 1));
  let length = 0;
  for (let from = 0; from < bytes.length;) {
    const end = bytes.indexOf(LF, from) + 1;
    frames.set(DATA, length);
    frames.set(bytes.subarray(from, end), length + DATA.length);
    length += DATA.length + end - from + 1;
    frames[length - 1] = LF;
    from = end;
  }
  return frames;
}
