import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createMemoryLiveFeed, createMemoryLogStore } from "../../../../adapters/memory/index.ts";
import { OverlayRecords } from "../../../../src/ports/edits.ts";
import { createLegacyImports } from "../../../../src/core/legacy/legacy-imports.ts";
import { LegacyLogScan } from "../../../../src/core/legacy/legacy-log-scan.ts";
import { createOverlayStore } from "../../../../src/core/legacy/overlay-store.ts";
import { createSessions } from "../../../../src/core/session/session-registry.ts";
import type { LogStore } from "../../../../src/ports/log-store.ts";
import type { SessionDirectory } from "../../../../src/ports/session-directory.ts";
import { createByteBudget } from "../../../../src/stream/sync/byte-budget.ts";
import { drain, textOf, utf8 } from "../../../contract/bytes.ts";
import { createManualClock } from "../../../support/manual-clock.ts";
import { createMemoryLegacyLogs } from "../../../support/memory-legacy-logs.ts";
import { withSmallReads } from "../../../support/small-reads.ts";
import { legacyFile } from "./legacy-file.ts";

const KEY = { project: "p", session: "s" };
const START = { isDone: false, isOwn: false, offset: 0, skippedLines: 0, visibleFrom: 0 };
const silent = { info() {}, warn() {}, error() {} };
const nobody: Pick<SessionDirectory, "projectsWith"> = { projectsWith: async () => [] };

/** Imports `text` as a server does, and reads the log in chunks of `bytes`. */
async function imported(text: string, bytes: number) {
  const store = withSmallReads(createMemoryLogStore(), bytes);
  const clock = createManualClock();
  const logs = createMemoryLegacyLogs(store, new Map([["s", { "agui-events.jsonl": text }]]));
  const ports = { store, clock, logger: silent, feed: createMemoryLiveFeed() };
  const legacy = { logs, project: "p" };
  const legacyImports = createLegacyImports({ ...ports, directory: nobody, legacy });
  const ringBudget = createByteBudget(0);
  const sessions = createSessions({ ...ports, legacyImports, ringBytes: 0, ringBudget, idleMs: 1 });
  const { session } = sessions.use(KEY);
  await session.load();
  const readable = await session.readable();
  if (!readable) throw new Error("There is no log");
  return { store, session, readable };
}

async function textIn(store: LogStore, range: { logId: string; start: number; end?: number }) {
  return textOf(await drain(createOverlayStore(store).read(KEY, range)));
}

function eventsIn(text: string): unknown[] {
  return text
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line) as unknown);
}

describe("a legacy log that was imported", () => {
  it("gives each of its events once and in order, with its time put right, and nothing else", async () => {
    await fc.assert(
      fc.asyncProperty(legacyFile, fc.integer({ min: 1, max: 90 }), async (file, bytes) => {
        const { store, session, readable } = await imported(file.text, bytes);
        const { stat, from, skippedLines } = readable;
        const text = await textIn(store, { logId: stat.logId, start: from });
        // the orphaned runs are ended after it
        const ends = eventsIn(text).slice(file.events.length) as { type: string }[];
        expect(eventsIn(text).slice(0, file.events.length)).toEqual(file.events);
        expect(ends.every(({ type }) => /^RUN_(STARTED|ERROR)$/.test(type))).toBe(true);
        expect(text).not.toContain("\r");
        expect(text.slice(-1)).toBe(text === "" ? "" : "\n");
        expect(skippedLines).toBe(file.malformed);
        expect(session.state.offset).toBe(stat.end.raw);
        expect(session.state.openRun).toBeNull();
      }),
    );
  });

  it("keeps its bytes, of which each has its place in what is visible", async () => {
    await fc.assert(
      fc.asyncProperty(legacyFile, fc.gen(), async (file, any) => {
        const { store, readable } = await imported(file.text, 50);
        const { logId, end } = readable.stat;
        const stored = textOf(await drain(store.read(KEY, { logId })));
        expect(stored.startsWith(file.text)).toBe(true);
        const whole = await drain(createOverlayStore(store).read(KEY, { logId }));
        expect(whole.length).toBe(end.raw);
        const start = any(fc.nat, { max: end.raw });
        const to = any(fc.integer, { min: start, max: end.raw });
        const part = await drain(createOverlayStore(store).read(KEY, { logId, start, end: to }));
        expect(part).toEqual(whole.slice(start, to));
      }),
    );
  });

  it("goes on with a scan that was broken off as if it had not been", async () => {
    await fc.assert(
      fc.asyncProperty(
        legacyFile,
        fc.integer({ min: 1, max: 60 }),
        fc.gen(),
        async (file, bytes, any) => {
          const raw = utf8(
            file.text.endsWith("\n") || file.text === "" ? file.text : `${file.text}\n`,
          );
          const whole = await shownBy(raw, [scanned(START, raw, raw.length)]);
          const cut = any(fc.nat, { max: raw.length });
          const first = scanned(START, raw, cut, bytes);
          const second = scanned(first.mark, raw, raw.length, bytes);
          expect(await shownBy(raw, [first, second])).toEqual(whole);
          expect(second.mark.skippedLines).toBe(file.malformed);
          expect(second.mark.offset).toBe(raw.length);
        },
      ),
    );
  });

  it("scanned with a pause before what has to be skipped is read alike in chunks of any size", async () => {
    const raw = utf8('{"a":1}\nbad\n{"b":2}\n');
    const first = scanned(START, raw, 8);
    const second = scanned(first.mark, raw, raw.length);
    for (let bytes = 1; bytes <= raw.length; bytes++)
      expect(await shownBy(raw, [first, second], bytes)).toBe('{"a":1}    \n{"b":2}\n');
  });

  it("is like any other after its end", async () => {
    const { store, session, readable } = await imported('bad\n{"timestamp":""}\n', 7);
    const line = utf8('{"type":"X","timestamp":"2024-01-01T00:00:00Z"}\n');
    const { logId } = readable.stat;
    await session.append({ lines: [line], events: [] }, { logId });
    const start = readable.stat.end.raw;
    expect(await textIn(store, { logId, start })).toBe(textOf(line));
    expect(eventsIn(await textIn(store, { logId, start: readable.from }))).toEqual([
      {},
      { type: "X", timestamp: "2024-01-01T00:00:00Z" },
    ]);
  });

  it("is read from after its end if there is no event in it", async () => {
    const { store, session, readable } = await imported('bad\n\n{"torn', 7);
    expect(readable.from).toBe(readable.stat.end.raw);
    expect(readable.skippedLines).toBe(2);
    const { logId } = readable.stat;
    await session.append({ lines: [utf8("{}\n")], events: [] }, { logId });
    expect(eventsIn(await textIn(store, { logId, start: 0 }))).toEqual([{}]);
  });
});

/** What a scan makes of the first `to` bytes, in pieces of `bytes`. */
function scanned(from: typeof START, raw: Uint8Array, to: number, bytes = 64) {
  const scan = new LegacyLogScan(from);
  for (let at = 0; at < to; at += bytes) scan.push(raw.subarray(at, Math.min(to, at + bytes)));
  const mark = scan.addMark(to === raw.length);
  return { mark, records: scan.records.take() };
}

/** What readers see of `raw` by these edits. */
async function shownBy(
  raw: Uint8Array,
  scans: readonly { readonly records: Uint8Array }[],
  chunkBytes = 64,
) {
  const store = withSmallReads(createMemoryLogStore(), chunkBytes);
  const { logId } = await store.create(KEY);
  await store.append(KEY, raw, { logId, expectedEnd: 0 });
  const first = new OverlayRecords();
  first.addMark(START);
  let expectedEnd = 0;
  for (const records of [first.take(), ...scans.map((scan) => scan.records)])
    expectedEnd = await store.append(KEY, records, { logId, log: "edits", expectedEnd });
  return textOf(await drain(createOverlayStore(store).read(KEY, { logId })));
}
