import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import { crc32 } from "node:zlib";
import { createRunChecker, type RunCheckerOptions } from "./run-checker.ts";
import type { SeenRange } from "./stream-checker.ts";

/** What has to be found in one log. */
export interface LogExpectation extends RunCheckerOptions {
  readonly file: string;
  readonly logId: string;
  /** Where the events of the runs begin, in bytes. */
  readonly from: number;
  /** Runs that the server has accepted. */
  readonly accepted: readonly string[];
  /** What anybody saw of it. */
  readonly seen: readonly SeenRange[];
}

/** What is wrong with a log on disk: empty if nothing is. */
export async function checkLog(expected: LogExpectation): Promise<string[]> {
  const violations = expected.seen
    .filter(({ logId }) => logId !== expected.logId)
    .map(({ logId }) => `events of a log ${logId} that is not there`);
  const own = expected.seen.filter(({ logId }) => logId === expected.logId);
  for (const start of new Set(own.map((range) => range.start))) {
    const ranges = own.filter((range) => range.start === start);
    violations.push(...(await checkRanges(expected.file, start, ranges)));
  }
  const runs = createRunChecker(expected);
  const input = createReadStream(expected.file, { start: expected.from });
  for await (const line of createInterface({ input, crlfDelay: Infinity })) runs.line(line);
  return [...violations, ...runs.finish(expected.accepted)];
}

/** Compares ranges that begin at one offset with the file, in one pass. */
async function checkRanges(
  file: string,
  start: number,
  ranges: readonly SeenRange[],
): Promise<string[]> {
  const sorted = [...ranges].sort((a, b) => a.end - b.end).filter(({ end }) => end > start);
  const violations: string[] = [];
  let position = start;
  let crc = 0;
  for await (const chunk of createReadStream(file, { start, highWaterMark: 1024 * 1024 })) {
    let bytes: Buffer = chunk;
    while (bytes.length > 0) {
      const next = sorted[0];
      if (next === undefined) return violations;
      const taken = bytes.subarray(0, next.end - position);
      crc = crc32(taken, crc);
      position += taken.length;
      bytes = bytes.subarray(taken.length);
      while (sorted[0]?.end === position) {
        if (sorted.shift()?.crc !== crc)
          violations.push(`what was seen from ${start} to ${position} is not what is stored`);
      }
    }
  }
  for (const { end } of sorted)
    violations.push(`seen up to ${end}, but only ${position} bytes are stored`);
  return violations;
}
