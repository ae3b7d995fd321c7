import { JsonArrayJoiner } from "../../stream/json/json-array.ts";
import type { ChunkSource } from "../../stream/sse/paced-stream.ts";
import type { ByteRange } from "../model/byte-range.ts";
import { readRanges, type ReadRangesOptions } from "./read-ranges.ts";
import type { StreamedLog } from "./stream-reader.ts";

type Chunks = AsyncGenerator<Uint8Array<ArrayBuffer>, void, undefined>;

const encoder = new TextEncoder();

/** The events in ranges of a log, as stored, as the members of one JSON array. */
export async function* jsonArray(
  log: StreamedLog,
  ranges: readonly ByteRange[],
  options: ReadRangesOptions,
): Chunks {
  yield encoder.encode("[");
  const bytes = ranges.reduce((sum, { start, end }) => sum + end - start, 0);
  const joiner = new JsonArrayJoiner(bytes);
  for await (const chunk of readRanges(log, ranges, options)) yield joiner.push(chunk);
  yield encoder.encode("]");
}

/** The body of an answer with a part of a stream. */
export function jsonPart(
  log: StreamedLog,
  ranges: readonly ByteRange[],
  { reads }: Pick<ReadRangesOptions, "reads">,
): ChunkSource {
  return sourceOf(
    (signal) => jsonArray(log, ranges, { reads, signal }),
    () => false,
  );
}

/** `isAtBoundary`: whether something else may be sent before the next chunk. */
export function sourceOf(
  start: (signal: AbortSignal) => Chunks,
  isAtBoundary: () => boolean,
): ChunkSource {
  const abort = new AbortController();
  const chunks = start(abort.signal);
  return {
    async next() {
      const { value, done } = await chunks.next();
      return done ? null : value;
    },
    get atBoundary() {
      return isAtBoundary();
    },
    close() {
      // in this order: the read that a generator waits for ends by the signal alone
      abort.abort();
      chunks.return(undefined).catch(() => {
        // the read ends by the signal; its error has no receiver
      });
    },
  };
}
