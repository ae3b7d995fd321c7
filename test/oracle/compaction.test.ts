import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { publishedPatch } from "../support/published-patch.ts";
import { chunkSizes } from "../unit/stream/chunks.ts";
import { ambientView } from "./ambient-reducer.ts";
import { compactLines } from "./compact.ts";
import { PUBLISHED_CLIENTS } from "./published-clients.ts";
import { randomLog } from "./random-run.ts";

// npm run test:oracle asks for more logs, and has each of them read by every client
const LOGS = Number(process.env["ORACLE_LOGS"] ?? 2_000);
const IS_THOROUGH = LOGS > 2_000;
const TIMEOUT_MS = 3_600_000;
const CHECK = { numRuns: LOGS, endOnFailure: true };

/** The events in lines; a client passes over what is none. */
function eventsOf(lines: readonly string[]): { type: string }[] {
  return lines.flatMap((line) => {
    try {
      const event = JSON.parse(line) as unknown;
      return typeof event === "object" && event !== null && "type" in event
        ? [event as { type: string }]
        : [];
    } catch {
      return [];
    }
  });
}

describe("a compacted log", { timeout: TIMEOUT_MS }, () => {
  beforeAll(() => {
    // clients complain about each bad patch
    vi.spyOn(console, "warn").mockImplementation(() => {});
  });
  afterAll(() => {
    vi.restoreAllMocks();
  });

  it("leaves every published client with the messages and the state of the raw log", async () => {
    let log = 0;
    let raw = 0;
    let compacted = 0;
    await fc.assert(
      fc.asyncProperty(randomLog({ isValid: true }), chunkSizes, async (lines, sizes) => {
        const short = compactLines(lines, sizes);
        raw += lines.length;
        compacted += short.length;
        const next = PUBLISHED_CLIENTS.slice(log++ % PUBLISHED_CLIENTS.length).slice(0, 1);
        for (const client of IS_THOROUGH ? PUBLISHED_CLIENTS : next)
          expect(await client.replay(eventsOf(short)), client.version).toEqual(
            await client.replay(eventsOf(lines)),
          );
      }),
      CHECK,
    );
    // a log that nothing merges in proves nothing
    expect(compacted).toBeLessThan(raw * 0.85);
  });

  it("leaves the ambient UI with the same, whatever is in the log", () => {
    fc.assert(
      fc.property(randomLog({ isValid: false }), chunkSizes, (lines, sizes) => {
        const view = ambientView(eventsOf(compactLines(lines, sizes)), publishedPatch);
        expect(view).toEqual(ambientView(eventsOf(lines), publishedPatch));
      }),
      CHECK,
    );
  });

  it("is the same however the bytes of the raw log are cut", () => {
    fc.assert(
      fc.property(randomLog({ isValid: false }), chunkSizes, (lines, sizes) => {
        expect(compactLines(lines, sizes)).toEqual(compactLines(lines));
      }),
      CHECK,
    );
  });

  it("says what compactEvents of the client says, where items follow each other", async () => {
    const client = PUBLISHED_CLIENTS.at(-1);
    await fc.assert(
      fc.asyncProperty(randomLog({ isValid: true, isPlain: true }), async (lines) => {
        const compacted = client?.compactEvents?.(eventsOf(lines)) ?? [];
        expect(await client?.replay(eventsOf(compactLines(lines)))).toEqual(
          await client?.replay(compacted),
        );
      }),
      { ...CHECK, numRuns: LOGS / 4 },
    );
  });
});
