import type { EventBatch, RunnerStream } from "../../ports/runner-client.ts";

export interface BatchWatcher {
  /** Called with each batch before its reader has it. */
  readonly onBatch: (batch: EventBatch) => void;
  /** Called once when the stream is over: with its error, or null. Default: nobody is told. */
  readonly onEnd?: (error: unknown) => void;
}

/**
 * The stream, with somebody who sees its batches. By no generator: a `return` that comes while a batch is awaited has to
 * reach the stream at once.
 */
export function watchBatches(
  stream: RunnerStream,
  { onBatch, onEnd = () => {} }: BatchWatcher,
): RunnerStream {
  const batches = stream.batches[Symbol.asyncIterator]();
  let isOver = false;
  const end = (error: unknown): void => {
    if (!isOver) onEnd(error);
    isOver = true;
  };
  const watched: AsyncIterator<EventBatch> = {
    async next() {
      try {
        const result = await batches.next();
        if (result.done) end(null);
        else onBatch(result.value);
        return result;
      } catch (error) {
        end(error);
        throw error;
      }
    },
    async return(value?: unknown) {
      end(null);
      return (await batches.return?.(value)) ?? { done: true, value };
    },
  };
  // `isResumable` and the counts may be getters
  const { counts, isResumable = false } = stream;
  return { counts, isResumable, batches: { [Symbol.asyncIterator]: () => watched } };
}
