import * as fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { tellLog } from "../support/told-log.ts";
import { crowdedLog, olderCrowdedLog } from "./crowded-log.ts";
import { followedBy, older, plain } from "./followed.ts";
import { meaningOf } from "./meaning.ts";
import { olderLog, randomLog } from "./random-log.ts";

const LOGS = Math.ceil(Number(process.env["ORACLE_LOGS"] ?? 2_000) / 10);
const TIMEOUT_MS = 3_600_000;
// clients say what they think of a stream, for each event of it
for (const method of ["warn", "error"] as const)
  vi.spyOn(console, method).mockImplementation(() => {});

/** Where a log that is written while it is sent is cut into what is stored at once. */
const cuts = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 6 });
const smallChars = fc.constantFrom(0, 0, 200, 4_096);

function burstsOf(lines: readonly string[], parts: readonly number[]): string[][] {
  const ends = [...parts].map((part) => Math.round(part * lines.length)).sort((a, b) => a - b);
  return [0, ...ends].map((start, index) => lines.slice(start, ends[index] ?? lines.length));
}

const KINDS = [
  ["1.0.0", "random logs", randomLog],
  ["1.0.0", "logs of few ids", crowdedLog],
  ["0.0.59", "older logs", olderLog],
  ["0.0.58", "older logs of few ids", olderCrowdedLog],
  ["0.0.57", "older logs of few ids", olderCrowdedLog],
] as const;

describe.each(KINDS)("a stream to a client of %s while the log is written: %s", (...kind) => {
  const [version, , logs] = kind;
  const dialect = version === "1.0.0" ? "1.0" : "0.0";
  const view = dialect === "1.0" ? plain : older;

  it(
    "ends with what the log means",
    async () => {
      await fc.assert(
        fc.asyncProperty(logs, cuts, smallChars, async (lines, parts, small) => {
          const [first = [], ...bursts] = burstsOf(lines, parts);
          const body = await tellLog(first, { dialect, smallChars: small, bursts });
          expect(view(await followedBy(version, body))).toEqual(view(await meaningOf(lines)));
        }),
        { numRuns: LOGS },
      );
    },
    TIMEOUT_MS,
  );
});
