import * as fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import type { Followed } from "../support/agui-clients.ts";
import { tellLog, type TellOptions } from "../support/told-log.ts";
import { compactLines } from "./compact.ts";
import { crowdedLog, olderCrowdedLog } from "./crowded-log.ts";
import { followedBy, older, plain } from "./followed.ts";
import { FOUND_LOGS, FOUND_OLDER_LOGS } from "./found-logs.ts";
import { meaningOf } from "./meaning.ts";
import { olderLog, randomLog, withOwnIds } from "./random-log.ts";

/** The properties here, which share the random logs that are asked for. */
const PROPERTIES = 8;
const LOGS = Math.ceil(Number(process.env["ORACLE_LOGS"] ?? 2_000) / PROPERTIES);
const CHECK = { numRuns: LOGS };
const TIMEOUT_MS = 3_600_000;

// clients say what they think of a stream, for each event of it
for (const method of ["warn", "error"] as const)
  vi.spyOn(console, method).mockImplementation(() => {});

/** A place in a log, as a part of it, and a client among many. */
const cut = fc.double({ min: 0, max: 1, noNaN: true });

/**
 * Where snapshots of all messages may come: as in a server, or as if the log were long, so that much is
 * held back.
 */
const pace = fc.constantFrom({}, { smallChars: 0 });

async function follow(
  version: string,
  lines: readonly string[],
  options: TellOptions,
): Promise<Followed> {
  return followedBy(version, await tellLog(lines, options));
}

/** The log up to the cut, and what comes after it. */
function cutAt(lines: readonly string[], part: number): [string[], string[]] {
  const at = Math.round(part * lines.length);
  return [lines.slice(0, at), lines.slice(at)];
}

describe("the standard profile of random logs", () => {
  it("tells logs rightly, at every moment, that were once told wrongly", async () => {
    for (const lines of FOUND_LOGS) {
      const meaning = plain(await meaningOf(lines));
      for (let at = 0; at <= lines.length; at++) {
        const options = { dialect: "1.0", snapshot: true, after: lines.slice(at) } as const;
        const followed = await follow("1.0.0", lines.slice(0, at), options);
        expect(plain(followed)).toEqual(meaning);
      }
      for (const smallChars of [0, 4_096])
        expect(plain(await follow("1.0.0", lines, { dialect: "1.0", smallChars }))).toEqual(
          meaning,
        );
    }
  });

  it.each(["0.0.57", "0.0.58", "0.0.59"])(
    "tells them rightly to clients of %s",
    async (version) => {
      for (const lines of FOUND_OLDER_LOGS) {
        const meaning = older(await meaningOf(lines));
        for (let at = 0; at <= lines.length; at++)
          for (const snapshot of [false, true]) {
            const after = lines.slice(at);
            const smallChars = snapshot ? 4_096 : 0;
            const options = { dialect: "0.0", snapshot, after, smallChars } as const;
            const followed = await follow(version, lines.slice(0, at), options);
            expect(older(followed)).toEqual(meaning);
          }
      }
    },
  );

  it(
    "leaves a client of 1.0 with the messages and the state that the log means",
    async () => {
      await fc.assert(
        fc.asyncProperty(randomLog, pace, async (lines, paced) => {
          const followed = await follow("1.0.0", lines, { dialect: "1.0", ...paced });
          expect(plain(followed)).toEqual(plain(await meaningOf(lines)));
        }),
        CHECK,
      );
    },
    TIMEOUT_MS,
  );

  it(
    "leaves it with the same when it connects at any moment and is told a snapshot",
    async () => {
      await fc.assert(
        fc.asyncProperty(randomLog, cut, async (lines, part) => {
          const [history, after] = cutAt(lines, part);
          const options = { dialect: "1.0", snapshot: true, after } as const;
          const followed = await follow("1.0.0", history, options);
          expect(plain(followed)).toEqual(plain(await meaningOf(lines)));
        }),
        CHECK,
      );
    },
    TIMEOUT_MS,
  );

  it(
    "leaves it with the same when finished runs were condensed",
    async () => {
      await fc.assert(
        fc.asyncProperty(randomLog, cut, async (lines, part) => {
          const [finished, rest] = cutAt(lines, part);
          const compacted = [...compactLines(finished), ...rest];
          const followed = await follow("1.0.0", compacted, { dialect: "1.0" });
          expect(plain(followed)).toEqual(plain(await meaningOf(lines)));
        }),
        CHECK,
      );
    },
    TIMEOUT_MS,
  );

  it(
    "leaves it with the same when runners have ids of their own for their runs",
    async () => {
      const owns = fc.array(fc.constantFrom("none", "end", "both"), { minLength: 1, maxLength: 4 });
      await fc.assert(
        fc.asyncProperty(
          fc.tuple(randomLog, owns, cut, fc.boolean()),
          async ([lines, own, part, isCompact]) => {
            const [finished, after] = cutAt(withOwnIds(lines, own), part);
            const history = isCompact ? compactLines(finished) : finished;
            const options = { dialect: "1.0", snapshot: !isCompact, after } as const;
            const followed = await follow("1.0.0", history, options);
            expect(plain(followed)).toEqual(plain(await meaningOf(lines)));
          },
        ),
        CHECK,
      );
    },
    TIMEOUT_MS,
  );

  it(
    "leaves clients from 0.0.57 on with the same, but for what they know nothing of",
    async () => {
      await fc.assert(
        fc.asyncProperty(
          olderLog,
          cut,
          fc.boolean(),
          fc.constantFrom("0.0.57", "0.0.58", "0.0.59"),
          pace,
          async (lines, part, snapshot, version, paced) => {
            const [history, after] = snapshot ? cutAt(lines, part) : [lines, []];
            const options = { dialect: "0.0", snapshot, after, ...paced } as const;
            const followed = await follow(version, history, options);
            expect(older(followed)).toEqual(older(await meaningOf(lines)));
          },
        ),
        CHECK,
      );
    },
    TIMEOUT_MS,
  );

  it(
    "leaves a client of 1.0 with the same where few ids are taken away and come back",
    async () => {
      await fc.assert(
        fc.asyncProperty(
          crowdedLog,
          cut,
          fc.boolean(),
          pace,
          async (lines, part, snapshot, paced) => {
            const [history, after] = snapshot ? cutAt(lines, part) : [lines, []];
            const options = { dialect: "1.0", snapshot, after, ...paced } as const;
            const followed = await follow("1.0.0", history, options);
            expect(plain(followed)).toEqual(plain(await meaningOf(lines)));
          },
        ),
        CHECK,
      );
    },
    TIMEOUT_MS,
  );

  it(
    "leaves older clients with the same there",
    async () => {
      await fc.assert(
        fc.asyncProperty(
          olderCrowdedLog,
          cut,
          fc.boolean(),
          fc.constantFrom("0.0.57", "0.0.58", "0.0.59"),
          pace,
          async (lines, part, snapshot, version, paced) => {
            const [history, after] = snapshot ? cutAt(lines, part) : [lines, []];
            const options = { dialect: "0.0", snapshot, after, ...paced } as const;
            const followed = await follow(version, history, options);
            expect(older(followed)).toEqual(older(await meaningOf(lines)));
          },
        ),
        CHECK,
      );
    },
    TIMEOUT_MS,
  );

  it(
    "is accepted by clients before that, and leaves them with the same state",
    async () => {
      await fc.assert(
        fc.asyncProperty(
          olderLog,
          cut,
          fc.boolean(),
          fc.constantFrom("0.0.46", "0.0.52"),
          pace,
          async (lines, part, snapshot, version, paced) => {
            const [history, after] = snapshot ? cutAt(lines, part) : [lines, []];
            const options = { dialect: "0.0", snapshot, after, ...paced } as const;
            const followed = await follow(version, history, options);
            expect(followed.state).toEqual((await meaningOf(lines)).state);
          },
        ),
        CHECK,
      );
    },
    TIMEOUT_MS,
  );
});
