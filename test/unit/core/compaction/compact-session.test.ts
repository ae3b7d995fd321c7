import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createMemoryLogStore } from "../../../../adapters/memory/index.ts";
import { checksum, NO_BYTES } from "../../../../src/core/compaction/checksum.ts";
import { CompactLog, type CompactPosition } from "../../../../src/core/compaction/compact-log.ts";
import { compactSession } from "../../../../src/core/compaction/compact-session.ts";
import { EventSpans } from "../../../../src/core/compaction/event-spans.ts";
import { encodeTrailer, GENERATION } from "../../../../src/core/compaction/trailer.ts";
import type { LogStat, LogStore } from "../../../../src/ports/log-store.ts";
import { concatBytes } from "../../../../src/stream/bytes/concat.ts";
import { drain, textOf, utf8 } from "../../../contract/bytes.ts";
import { compactLines } from "../../../oracle/compact.ts";
import { randomLog } from "../../../oracle/random-run.ts";
import { chunkSizes, cut } from "../../stream/chunks.ts";

const KEY = { project: "p", session: "s" };
const signal = new AbortController().signal;

const started = (run: string): string => `{"type":"RUN_STARTED","threadId":"t","runId":"${run}"}`;
const finished = (run: string): string => `{"type":"RUN_FINISHED","threadId":"t","runId":"${run}"}`;
const delta = (text: string): string =>
  `{"type":"TEXT_MESSAGE_CONTENT","messageId":"m","delta":"${text}"}`;
const run = (name: string): string[] => [
  started(name),
  ...["a", "b", `${name} #`].map(delta),
  finished(name),
];
const TWO_RUNS = [...run("one"), ...run("two")];

const linesOf = (lines: readonly string[]): Uint8Array<ArrayBuffer> =>
  utf8(lines.map((line) => `${line}\n`).join(""));

/** A session with these lines in its raw log and these bytes in its compact one. */
async function sessionOf(lines: readonly string[], compact: Uint8Array | null = null) {
  const store = createMemoryLogStore();
  const { logId } = await store.create(KEY);
  await store.append(KEY, linesOf(lines), { logId, expectedEnd: 0 });
  if (compact) await store.append(KEY, compact, { logId, log: "compact", expectedEnd: 0 });
  return { store, logId };
}

async function statOf(store: LogStore): Promise<LogStat> {
  const stat = await store.stat(KEY);
  if (!stat) throw new Error("no log");
  return stat;
}

/** Compacts as a process does that knows nothing yet; what another one then finds. */
async function compacted(
  store: LogStore,
  log: CompactLog = new CompactLog(KEY, store),
): Promise<CompactPosition | null> {
  const readable = { stat: await statOf(store), from: 0 };
  await compactSession({ key: KEY, store, log, readable, signal });
  return find(store);
}

async function find(store: LogStore): Promise<CompactPosition | null> {
  return new CompactLog(KEY, store).find(await statOf(store));
}

/** The compact log's bytes. */
async function bytesOf(store: LogStore): Promise<Uint8Array<ArrayBuffer>> {
  const { logId } = await statOf(store);
  return drain(store.read(KEY, { logId, log: "compact" }));
}

/** The events of a generation of the compact log. */
async function eventsOf(store: LogStore, position: CompactPosition | null): Promise<string[]> {
  if (!position) return [];
  const { start, end } = position;
  const bytes = (await bytesOf(store)).subarray(start, end);
  const spans = new EventSpans(start).push(bytes);
  const events = concatBytes(spans.map((span) => span.bytes));
  expect(events.length).toBe(end - start - position.trailerBytes);
  return textOf(events).split("\n").slice(0, -1);
}

describe("condensing a session", () => {
  it("makes a block of each run that has ended, and leaves the run that is open alone", async () => {
    const between = ['{"type":"META"}', delta("stray")];
    const open = [started("three"), delta("c"), delta("d")];
    const { store } = await sessionOf([...run("one"), ...between, ...run("two"), ...open]);
    const position = await compacted(store);
    expect(position?.rawEnd).toBe(linesOf([...run("one"), ...between, ...run("two")]).length);
    expect(await eventsOf(store, position)).toEqual([
      ...compactLines(run("one")),
      ...compactLines([...between, ...run("two")]),
    ]);
    expect(textOf(await bytesOf(store)).match(/^#/gm)).toHaveLength(2);
  });

  it("ends a block where no run is open, whatever ends are sent before", async () => {
    const talk = Array.from({ length: 9 }, () => delta("x"));
    const first = [started("one"), started("two"), finished("one"), ...talk, finished("two")];
    const second = [...talk, '{"type":"RUN_ERROR","message":"again"}'];
    const third = [started("three"), ...talk, '{"type":"RUN_FINISHED","run_id":"three"}'];
    const { store } = await sessionOf([...first, ...second, ...third, delta("later")]);
    const position = await compacted(store);
    expect(position?.rawEnd).toBe(linesOf([...first, ...second, ...third]).length);
    const blocks = [...textOf(await bytesOf(store)).matchAll(/^#(?:\S+ ){3}(\d+)/gm)];
    expect(blocks.map(([, rawStart]) => Number(rawStart))).toEqual(
      [[], first, [...first, ...second]].map((lines) => linesOf(lines).length),
    );
  });

  it("gives the same for runs of any length, however many are looked at together", async () => {
    const long = (name: string, kilobytes: number): string[] => [
      started(name),
      delta("x"),
      `{"type":"CUSTOM","value":"${"v".repeat(kilobytes * 1024)}"}`,
      ...["a", "b"].map(delta),
      finished(name),
    ];
    const sizes = [1, 9_000, ...Array.from({ length: 90 }, (_, index) => index * 3), 5_000, 1];
    const runs = sizes.map((size, index) => long(`${index}`, size));
    const { store } = await sessionOf([...runs.flat(), started("open")]);
    const position = await compacted(store);
    expect(position?.rawEnd).toBe(linesOf(runs.flat()).length);
    expect(await eventsOf(store, position)).toEqual(runs.flatMap((lines) => compactLines(lines)));
    expect(textOf(await bytesOf(store)).match(/^#/gm)).toHaveLength(runs.length);
  });

  it("is never larger than what it was made of, and tells the same, however often it is asked", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat(4), { minLength: 1, maxLength: 60 }),
        fc.array(fc.boolean(), { minLength: 60, maxLength: 60 }),
        async (deltas, stops) => {
          const runs = deltas.map((count, index) => [
            started(`${index}`),
            ...Array.from({ length: count }, () => delta("x")),
            finished(`${index}`),
          ]);
          const whole = await sessionOf(runs.flat());
          const position = await compacted(whole.store);
          const stepwise = reopened(await sessionOf([]), whole.logId);
          const log = new CompactLog(KEY, stepwise);
          for (const [index, lines] of runs.entries()) {
            const { logId, end } = await statOf(stepwise);
            await stepwise.append(KEY, linesOf(lines), { logId, expectedEnd: end.raw });
            if (stops[index]) await compacted(stepwise, log);
          }
          await compacted(stepwise);
          const bytes = await bytesOf(stepwise);
          expect(textOf(bytes)).toBe(textOf(await bytesOf(whole.store)));
          expect(bytes.length).toBeLessThanOrEqual(position?.rawEnd ?? 0);
          const ended = runs.filter((_, index) => {
            const { length } = linesOf(runs.slice(0, index + 1).flat());
            return length <= (position?.rawEnd ?? 0);
          });
          expect(await eventsOf(stepwise, await find(stepwise))).toEqual(
            ended.flatMap((lines) => compactLines(lines)),
          );
        },
      ),
      { numRuns: 40 },
    );
  });

  it("looks at runs that gain nothing as often as they have doubled", async () => {
    const { store, logId } = await sessionOf([]);
    let readBytes = 0;
    const counting: LogStore = {
      ...store,
      read: (key, options) => {
        readBytes += (options.end ?? 0) - (options.start ?? 0);
        return store.read(key, options);
      },
    };
    const log = new CompactLog(KEY, counting);
    for (let index = 0; index < 300; index++) {
      const { end } = await statOf(store);
      const lines = linesOf([started(`${index}`), finished(`${index}`)]);
      await store.append(KEY, lines, { logId, expectedEnd: end.raw });
      await compacted(counting, log);
    }
    const { end } = await statOf(store);
    expect(end.compact).toBe(0);
    // each is read twice by a look: for its end, and for what it holds
    expect(readBytes).toBeLessThan(6 * end.raw);
  });

  it("goes on where it stopped, with the bytes that it would have written at once", async () => {
    const { store, logId } = await sessionOf(TWO_RUNS);
    await compacted(store);
    const stepwise = reopened(await sessionOf(run("one")), logId);
    await compacted(stepwise);
    const { end } = await statOf(stepwise);
    await stepwise.append(KEY, linesOf(run("two")), { logId, expectedEnd: end.raw });
    await compacted(stepwise);
    expect(textOf(await bytesOf(stepwise))).toBe(textOf(await bytesOf(store)));
  });

  it("completes what was cut off anywhere to the same bytes", async () => {
    const { store, logId } = await sessionOf(TWO_RUNS);
    await compacted(store);
    const want = await bytesOf(store);
    for (let end = 0; end <= want.length; end = want.indexOf(10, end) + 1) {
      const again = reopened(await sessionOf(TWO_RUNS, want.slice(0, end)), logId);
      await compacted(again);
      expect(textOf(await bytesOf(again))).toBe(textOf(want));
      if (end === want.length) break;
    }
  });

  it("does not believe a compact log whose raw log lost its end and goes on otherwise", async () => {
    const { store, logId } = await sessionOf(TWO_RUNS);
    const want = await compacted(store);
    const compact = await bytesOf(store);
    const longer = [...run("three"), ...run("four")];
    for (let kept = 0; kept <= TWO_RUNS.length; kept++) {
      const lines = [...TWO_RUNS.slice(0, kept), ...longer];
      // what the compact log says is within the raw log
      expect(linesOf(lines).length).toBeGreaterThanOrEqual(linesOf(TWO_RUNS).length);
      const shorter = reopened(await sessionOf(lines, compact), logId);
      expect(await find(shorter)).toEqual(kept === TWO_RUNS.length ? want : null);
      expect((await compacted(shorter))?.rawEnd).toBe(linesOf(lines).length);
    }
  });

  it("believes no byte that was changed, and begins a new generation after it", async () => {
    const { store, logId } = await sessionOf(TWO_RUNS);
    await compacted(store);
    const good = await bytesOf(store);
    const want = compactLines(run("one")).concat(compactLines(run("two")));
    for (let at = 0; at < good.length; at++) {
      const bad = good.slice();
      bad[at] = bad[at]! ^ 1;
      const damaged = reopened(await sessionOf(TWO_RUNS, bad), logId);
      const before = await find(damaged);
      const events = await eventsOf(damaged, before);
      expect(events).toEqual(want.slice(0, events.length));
      expect(before?.rawEnd ?? 0).toBeLessThan(linesOf(TWO_RUNS).length);
      const after = await compacted(damaged);
      expect(await eventsOf(damaged, after)).toEqual(want);
      expect(after?.start).toBe(good.length);
    }
  });

  it("believes nothing of an earlier version, and begins its own generation after it", async () => {
    const { store, logId } = await sessionOf(TWO_RUNS);
    const bytes = linesOf(TWO_RUNS);
    const { line } = encodeTrailer(
      {
        logId,
        generation: GENERATION - 1,
        start: 0,
        rawStart: 0,
        rawEnd: bytes.length,
        trailerBytes: 0,
      },
      checksum(NO_BYTES, bytes),
    );
    const earlier = concatBytes([bytes, line]);
    await store.append(KEY, earlier, { logId, log: "compact", expectedEnd: 0 });
    expect(await find(store)).toBeNull();
    const position = await compacted(store);
    expect(position).toMatchObject({ generation: GENERATION, start: earlier.length });
    expect(await eventsOf(store, position)).toEqual([
      ...compactLines(run("one")),
      ...compactLines(run("two")),
    ]);
  });

  it("believes nothing that was written for another log", async () => {
    const { store } = await sessionOf(TWO_RUNS);
    await compacted(store);
    const old = await bytesOf(store);
    const other = await sessionOf([...run("other"), ...TWO_RUNS], old);
    expect(await find(other.store)).toBeNull();
    const position = await compacted(other.store);
    expect(position?.start).toBe(old.length);
    expect(await eventsOf(other.store, position)).toEqual([
      ...compactLines(run("other")),
      ...compactLines(run("one")),
      ...compactLines(run("two")),
    ]);
  });

  it("condenses runs and lines of any length in pieces, their text cut where events were", async () => {
    const long = "x".repeat(70_000);
    const events = [
      started("one"),
      ...Array.from({ length: 40 }, (_, index) => delta(`${index}-${"word ".repeat(800)}`)),
      delta(long),
      `{"type":"CUSTOM","value":"${"y".repeat(3_000_000)}"}`,
      delta("end"),
      finished("one"),
    ];
    const { store } = await sessionOf(events);
    const lines = await eventsOf(store, await compacted(store));
    expect(lines.length).toBeLessThan(12);
    const textIn = (all: readonly string[]): string =>
      all.map((line) => (JSON.parse(line) as { delta?: string }).delta ?? "").join("");
    expect(textIn(lines)).toBe(textIn(events));
    for (const line of lines.filter((text) => text.includes('"delta"')))
      expect(line.length).toBeLessThan(70_200);
  });

  it("takes the trailers out again, however the compact log is cut into chunks", async () => {
    await fc.assert(
      fc.asyncProperty(randomLog({ isValid: false }), chunkSizes, async (lines, sizes) => {
        const { store } = await sessionOf(lines);
        const position = await compacted(store);
        if (!position) return;
        const events = new EventSpans(0);
        const spans = cut(await bytesOf(store), sizes).flatMap((chunk) =>
          events.push(chunk as Uint8Array<ArrayBuffer>),
        );
        const whole = await bytesOf(store);
        for (const { start, bytes } of spans)
          expect(bytes).toEqual(whole.slice(start, start + bytes.length));
        const text = textOf(concatBytes(spans.map(({ bytes }) => bytes)));
        expect(text.split("\n").slice(0, -1)).toEqual(await eventsOf(store, position));
      }),
      { numRuns: 100 },
    );
  });
});

/** The same store, saying that its log is this one: as after a start of the same server. */
function reopened({ store, logId: own }: { store: LogStore; logId: string }, logId: string) {
  return {
    ...store,
    stat: async (key: typeof KEY) => {
      const stat = await store.stat(key);
      return stat && { ...stat, logId };
    },
    append: (key, bytes, options) => store.append(key, bytes, { ...options, logId: own }),
    read: (key, options) => store.read(key, { ...options, logId: own }),
  } satisfies LogStore;
}
