import * as fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import type { AgUiEvent } from "../../src/client/index.ts";
import { pushEvent } from "../../src/ui/conversation/push-event.ts";
import { Transcript } from "../../src/ui/conversation/transcript.ts";
import { publishedPatch } from "../support/published-patch.ts";
import { tellLog } from "../support/told-log.ts";
import { chunkSizes } from "../unit/stream/chunks.ts";
import { agentLog } from "./agent-log.ts";
import { ambientView } from "./ambient-reducer.ts";
import { compactLines } from "./compact.ts";
import { followedBy, older, plain } from "./followed.ts";
import { meaningOf } from "./meaning.ts";
import { PUBLISHED_CLIENTS } from "./published-clients.ts";

/** The properties here that share the random logs that are asked for. */
const PROPERTIES = 6;
const LOGS = Math.ceil(Number(process.env["ORACLE_LOGS"] ?? 2_000) / PROPERTIES);
const IS_THOROUGH = LOGS > 500;
const TIMEOUT_MS = 3_600_000;
const CHECK = { numRuns: LOGS, endOnFailure: true };

const valid = agentLog({ isValid: true });
const any = agentLog({ isValid: false });
const earlier = agentLog({ isValid: false, isOlder: true });
const versions = fc.constantFrom("0.0.57", "0.0.58", "0.0.59");

// clients complain about events that they pass over
for (const method of ["warn", "error"] as const)
  vi.spyOn(console, method).mockImplementation(() => {});

const eventsOf = (lines: readonly string[]): { type: string }[] =>
  lines.map((line) => JSON.parse(line) as { type: string });

const snapshotsIn = (lines: readonly string[]): number =>
  lines.filter((line) => line.includes("MESSAGES_SNAPSHOT")).length;

/** The messages of the inspector's conversation with their calls, in order. */
function shownFor(lines: readonly string[]): unknown[] {
  const transcript = new Transcript();
  for (const line of lines) pushEvent(transcript, JSON.parse(line) as AgUiEvent);
  return transcript.items.filter((item) => item.kind === "message");
}

/** A place in a log, as a part of it. */
const part = fc.double({ min: 0, max: 1, noNaN: true });

describe("a log of agents that say again what they have streamed", { timeout: TIMEOUT_MS }, () => {
  it("leaves every published client with the same, compacted", async () => {
    let log = 0;
    let before = 0;
    let after = 0;
    await fc.assert(
      fc.asyncProperty(valid, chunkSizes, async (lines, sizes) => {
        const short = compactLines(lines, sizes);
        before += snapshotsIn(lines);
        after += snapshotsIn(short);
        const next = PUBLISHED_CLIENTS.slice(log++ % PUBLISHED_CLIENTS.length).slice(0, 1);
        for (const client of IS_THOROUGH ? PUBLISHED_CLIENTS : next)
          expect(await client.replay(eventsOf(short)), client.version).toEqual(
            await client.replay(eventsOf(lines)),
          );
      }),
      CHECK,
    );
    // where nothing is left out, nothing is shown
    expect(after).toBeLessThan(before * 0.9);
  });

  it("is refused by every published client where messages are posted outside of runs", async () => {
    const posted = { type: "MESSAGES_SNAPSHOT", messages: [], runId: "r1" };
    const run = ["r0", "r1"].map((runId) => [
      { type: "RUN_STARTED", threadId: "t", runId },
      { type: "RUN_FINISHED", threadId: "t", runId },
    ]);
    for (const client of PUBLISHED_CLIENTS) {
      const { version } = client;
      await expect(client.replay(run.flat()), version).resolves.toBeDefined();
      await expect(client.replay([posted, ...run.flat()]), version).rejects.toThrow("RUN_STARTED");
      const between = [...(run[0] ?? []), posted, ...(run[1] ?? [])];
      await expect(client.replay(between), version).rejects.toThrow("already finished");
    }
  });

  it("leaves the ambient UI with the same", () => {
    fc.assert(
      fc.property(any, (lines) => {
        const view = ambientView(eventsOf(compactLines(lines)), publishedPatch);
        expect(view).toEqual(ambientView(eventsOf(lines), publishedPatch));
      }),
      CHECK,
    );
  });

  it("shows the same messages in the inspector's conversation", () => {
    fc.assert(
      fc.property(any, (lines) => {
        expect(shownFor(compactLines(lines))).toEqual(shownFor(lines));
      }),
      CHECK,
    );
  });

  it("means the same to the profile, compacted up to any place, also in a snapshot at any place", async () => {
    await fc.assert(
      fc.asyncProperty(any, part, part, async (lines, first, second) => {
        const at = Math.round(first * lines.length);
        const compacted = [...compactLines(lines.slice(0, at)), ...lines.slice(at)];
        const meaning = await meaningOf(lines);
        const cut = Math.round(second * compacted.length);
        const after = compacted.slice(cut);
        const history = compacted.slice(0, cut);
        for (const snapshot of [false, true]) {
          const told = await tellLog(snapshot ? history : compacted, {
            dialect: "1.0",
            snapshot,
            after: snapshot ? after : [],
          });
          expect(plain(await followedBy("1.0.0", told))).toEqual(plain(meaning));
        }
      }),
      CHECK,
    );
  });

  it("means the same to the profile for older clients", async () => {
    await fc.assert(
      fc.asyncProperty(earlier, part, versions, async (lines, first, version) => {
        const at = Math.round(first * lines.length);
        const compacted = [...compactLines(lines.slice(0, at)), ...lines.slice(at)];
        const told = await tellLog(compacted, { dialect: "0.0" });
        expect(older(await followedBy(version, told))).toEqual(older(await meaningOf(lines)));
      }),
      CHECK,
    );
  });

  it("is the same however its bytes are cut, and compacting it again leaves out no more", () => {
    fc.assert(
      fc.property(any, chunkSizes, (lines, sizes) => {
        const short = compactLines(lines, sizes);
        expect(short).toEqual(compactLines(lines));
        expect(snapshotsIn(compactLines(short))).toBe(snapshotsIn(short));
      }),
      CHECK,
    );
  });
});
