import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createMemoryLogStore } from "../../../../adapters/memory/index.ts";
import {
  type LogPart,
  type PageBounds,
  readBackward,
  readForward,
} from "../../../../src/core/history/page-events.ts";
import { findEventPage } from "../../../../src/core/history/event-page.ts";
import { writePage } from "../../../../src/core/history/page-source.ts";
import type { LogReader } from "../../../../src/ports/log-store.ts";
import { sessionsOf } from "../../../support/session-registry.ts";

const KEY = { project: "p", session: "s" };
const LOG_ID = "abcdefghijklmnop";
const encoder = new TextEncoder();
const PLACE = { log: "compact", logId: LOG_ID, generation: 2 } as const;

/** Reads of these bytes, in chunks of a few. */
function storeOf(bytes: Uint8Array, chunkBytes: number): Pick<LogReader, "read"> {
  return {
    read(_, { start = 0, end = bytes.length }) {
      let at = start;
      return new ReadableStream({
        pull(controller) {
          if (at === end) return controller.close();
          const to = Math.min(end, at + chunkBytes);
          controller.enqueue(bytes.slice(at, to));
          at = to;
        },
      });
    },
  };
}

const line = fc.oneof(
  { weight: 6, arbitrary: fc.nat(12).map((length) => `{${"x".repeat(length)}}`) },
  { weight: 1, arbitrary: fc.nat(5).map((length) => `#${"1".repeat(length)}`) },
);

describe("the events of a page", () => {
  it("are the first or the last ones that fit, without trailers, wherever chunks break", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(line, { maxLength: 12 }), { minLength: 1, maxLength: 3 }),
        fc.integer({ min: 1, max: 9 }),
        fc.record({
          maxEvents: fc.integer({ min: 1, max: 12 }),
          maxBytes: fc.integer({ min: 1_024, max: 1_200 }),
        }),
        async (texts, chunkBytes, bounds) => {
          const lines = texts.map((part) => part.map((text) => `${text}\n`));
          const store = storeOf(encoder.encode(lines.flat().join("")), chunkBytes);
          const parts: LogPart[] = [];
          for (const part of lines) {
            const start = parts.at(-1)?.end ?? 0;
            parts.push({ place: PLACE, start, end: start + part.join("").length });
          }
          const events = lines.flat().filter((text) => !text.startsWith("#"));
          const forward = await readForward(store, KEY, parts, bounds);
          expect(sizes(forward.events)).toEqual(fitting(events, bounds));
          expect(forward.isMore).toBe(forward.events.length < events.length);
          const backward = await readBackward(store, KEY, parts, bounds);
          const last = fitting(events.toReversed(), bounds);
          expect(sizes(backward.events)).toEqual(last.toReversed());
          expect(backward.isMore).toBe(backward.events.length < events.length);
        },
      ),
    );
  });

  it("take at most 8 MiB, and one that is larger is named and not sent", async () => {
    const store = createMemoryLogStore();
    const { logId } = await store.create(KEY);
    const event = (mebibytes: number): string =>
      `${JSON.stringify({ text: "x".repeat(mebibytes * 1024 * 1024), type: "CUSTOM" })}\n`;
    const lines = [event(3), event(4), event(3), event(9), event(1)];
    await store.append(
      KEY,
      lines.map((text) => encoder.encode(text)),
      { logId, expectedEnd: 0 },
    );
    const sessions = sessionsOf(store);
    await sessions.with(KEY, async (session) => {
      const readable = await session.readable();
      const query = { isRaw: true, cursor: null, limit: 10 } as const;
      const first = await findEventPage(store, session, readable, {
        ...query,
        direction: "after",
      });
      expect([first.events.length, first.hasAfter]).toEqual([2, true]);
      const last = await findEventPage(store, session, readable, {
        ...query,
        direction: "before",
      });
      expect([last.events.length, last.hasBefore]).toEqual([3, true]);
      const written = await writePage(store, KEY, last, null);
      const source = written.lines();
      let text = "";
      for (let chunk = await source.next(); chunk !== null; chunk = await source.next())
        text += new TextDecoder().decode(chunk);
      source.close();
      expect(text.length).toBe(written.length);
      const [third, fourth = "", fifth] = text.split("\n");
      expect([`${third}\n`, `${fifth}\n`]).toEqual([lines[2], lines[4]]);
      const end = lines.slice(0, 4).join("").length;
      expect(JSON.parse(fourth)).toEqual({
        type: "CUSTOM",
        name: "runlog:large-event",
        value: { type: "CUSTOM", size: lines[3]!.length - 1, cursor: `${logId}-r${end}` },
      });
    });
  });
});

function sizes(events: readonly LogPart[]): number[] {
  return events.map(({ start, end }) => end - start);
}

/** The lengths of the first lines that fit. */
function fitting(lines: readonly string[], { maxBytes, maxEvents }: PageBounds): number[] {
  const found: number[] = [];
  let bytes = 0;
  for (const { length } of lines) {
    bytes += length;
    if (found.length === maxEvents || bytes > maxBytes) break;
    found.push(length);
  }
  return found;
}
