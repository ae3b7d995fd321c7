import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { tellLog, type TellOptions } from "../support/told-log.ts";
import { agentLog } from "./agent-log.ts";
import { compactLines } from "./compact.ts";
import { crowdedLog } from "./crowded-log.ts";
import { olderLog, randomLog } from "./random-log.ts";

const LOGS = Math.ceil(Number(process.env["ORACLE_LOGS"] ?? 2_000) / 40);
const TIMEOUT_MS = 3_600_000;
/** As in a server, or as if the log were long, so that much is held back. */
const pace = fc.constantFrom({}, { smallChars: 0 });
/** A run that the server adds has a random id. */
const ADDED_RUN = /runlog-[0-9a-f-]{36}/gu;
const LOG_ID = /^id: [a-z0-9]{16}-/gmu;

interface Frame {
  readonly id: string | null;
  readonly text: string;
}

async function framesOf(lines: readonly string[], options: TellOptions): Promise<Frame[]> {
  const body = await tellLog(lines, options);
  const texts = body.replaceAll(ADDED_RUN, "runlog-added").replaceAll(LOG_ID, "id: ");
  return texts
    .split("\n\n")
    .slice(0, -1)
    .map((text) => ({ text, id: /^id: (.*)$/mu.exec(text)?.[1] ?? null }));
}

/** Frames from here on are made when the stream ends, of what is left. */
function startOfAdded(frames: readonly Frame[]): number {
  const at = frames.findIndex(({ text }) => text.includes('"runId":"runlog-added"'));
  return at === -1 ? frames.length : at;
}

describe("a stream that goes on after any of its frames", () => {
  it.each([
    ["random logs", randomLog, "1.0"],
    ["random logs, in the subset", randomLog, "0.0"],
    ["logs as older runners write them", olderLog, "0.0"],
    ["logs of few ids", crowdedLog, "1.0"],
    ["compacted logs", randomLog, "1.0"],
    ["compacted logs of agents that say again", agentLog({ isValid: false }), "1.0"],
  ] as const)(
    "is the rest of the stream that was not cut: %s",
    async (name, logs, dialect) => {
      await fc.assert(
        fc.asyncProperty(
          logs,
          fc.array(fc.nat(), { maxLength: 4 }),
          pace,
          async (whole, cuts, paced) => {
            const lines = name.startsWith("compacted logs") ? compactLines(whole) : whole;
            const frames = await framesOf(lines, { dialect, ...paced });
            const ids = frames.flatMap(({ id }) => id ?? []);
            expect(new Set(ids).size).toBe(ids.length);
            const added = startOfAdded(frames);
            for (const cut of cuts) {
              const lastPosition = ids[cut % Math.max(ids.length, 1)];
              const at = frames.findIndex(({ id }) => id === lastPosition);
              // what is made at the end of the stream is not made before it
              if (lastPosition === undefined || at >= added) continue;
              const rest = await framesOf(lines, { dialect, lastPosition, ...paced }).catch(
                (error: unknown) => {
                  // in a run of which something was held back it is not known what the client makes of it
                  if (error instanceof RangeError && "smallChars" in paced) return null;
                  throw error;
                },
              );
              if (rest === null) continue;
              expect(rest.map(({ text }) => text)).toEqual(
                frames.slice(at + 1).map(({ text }) => text),
              );
            }
          },
        ),
        { numRuns: LOGS },
      );
    },
    TIMEOUT_MS,
  );
});
