import type { LogReader } from "../../ports/log-store.ts";
import { CompactLog, type CompactPosition } from "./compact-log.ts";
import { compactFrom, type CompactOptions } from "./compact-session.ts";
import { generationStart } from "./compact-writer.ts";

export interface VerifyOptions extends Pick<CompactOptions, "key" | "readable" | "signal"> {
  readonly store: Pick<LogReader, "read" | "stat">;
}

/**
 * Whether the compact log up to `position` is what compacting makes of its part of the raw log, by length and
 * checksum. Takes as long as compacting that, and writes nothing. Throws what the store throws.
 */
export async function isExactlyCompacted(
  { key, readable, signal, store }: VerifyOptions,
  { logId, start, end, rawEnd, sum }: CompactPosition,
): Promise<boolean> {
  const { stat, from } = readable;
  const made = await compactFrom(
    {
      key,
      signal,
      // as if this generation were to be begun, and the raw log ended where it does
      readable: { from, stat: { ...stat, end: { ...stat.end, raw: rawEnd, compact: start } } },
      log: new CompactLog(key, store),
      store: {
        read: (...range) => store.read(...range),
        append: async (_key, bytes, { expectedEnd }) => expectedEnd + lengthOf(bytes),
      },
    },
    generationStart(logId, start),
  );
  return made.end === end && made.rawEnd === rawEnd && made.sum === sum;
}

function lengthOf(bytes: Uint8Array | readonly Uint8Array[]): number {
  return [bytes].flat().reduce((sum, { length }) => sum + length, 0);
}
