import { describe, expect, it } from "vitest";
import {
  createNumberedFrames,
  MAX_FRAMES_PER_WRITE,
} from "../../../scripts/bench/numbered-frames.ts";
import { createSequenceReader } from "../../../scripts/bench/sequence.ts";

const EVENTS = 12;
const WHOLE = { count: EVENTS, inOrder: EVENTS, breaks: 0 };
const NOW_MS = Date.UTC(2026, 10, 1);

/** The frames of one run, as text each, made in pieces of different sizes. */
function framesOf({ hasIds = false } = {}): string[] {
  const frames = createNumberedFrames({ hasIds });
  const bytes = [frames.next(1, NOW_MS), frames.next(EVENTS - 1, NOW_MS + 5)];
  return Buffer.concat(bytes)
    .toString("latin1")
    .split(/(?<=\n\n)/);
}

/** What a reader makes of them, cut into pieces of `size` bytes. */
function read(frames: readonly string[], size = 7) {
  const reader = createSequenceReader();
  const bytes = Buffer.from(`: comment\n\n${frames.join("")}`, "latin1");
  for (let at = 0; at < bytes.length; at += size) reader.add(bytes.subarray(at, at + size));
  return { count: reader.count, inOrder: reader.inOrder, breaks: reader.breaks };
}

/** A frame with one byte that is another one. */
function changed(frame: string, at: number): string {
  const other = frame[at] === "1" ? "2" : "1";
  return frame.slice(0, at) + other + frame.slice(at + 1);
}

describe("the events of the benchmark's runner", () => {
  it.each([false, true])("are JSON, with a number and a time (with ids: %s)", (hasIds) => {
    for (const [index, frame] of framesOf({ hasIds }).entries()) {
      const [line = "", id] = frame.trimEnd().split("\n");
      const event: Record<string, unknown> = JSON.parse(line.slice("data: ".length));
      expect(event["seq"]).toBe(1_000_000 + index);
      expect(event["timestamp"]).toBe(index === 0 ? NOW_MS : NOW_MS + 5);
      expect(id).toBe(hasIds ? `id: ${1_000_000 + index}` : undefined);
    }
  });

  it("are made in one go up to a limit", () => {
    const { length } = createNumberedFrames().next(MAX_FRAMES_PER_WRITE, NOW_MS);
    expect(length).toBe(MAX_FRAMES_PER_WRITE * createNumberedFrames().next(1, NOW_MS).length);
  });
});

describe("the benchmark's reader of numbered events", () => {
  const frames = framesOf();

  it("finds nothing wrong with what was sent, however it is cut", () => {
    for (const size of [1, 2, 7, 149, 150, 151, 10_000]) expect(read(frames, size)).toEqual(WHOLE);
    expect(read(framesOf({ hasIds: true }))).toEqual(WHOLE);
  });

  it("finds a change of any byte of an event", () => {
    const frame = frames[3]!;
    for (let at = frame.indexOf("{"); at < frame.trimEnd().length; at += 1) {
      const { inOrder, breaks } = read(frames.with(3, changed(frame, at)));
      expect(breaks, `byte ${at}`).toBeGreaterThan(0);
      expect(inOrder, `byte ${at}`).toBe(3);
    }
  });

  it.each<[string, readonly string[]]>([
    ["is missing", frames.toSpliced(3, 1)],
    ["comes twice", frames.toSpliced(3, 0, frames[3]!)],
    ["changed places with the next", frames.toSpliced(3, 2, frames[4]!, frames[3]!)],
    ["is of another run", frames.with(3, framesOfLater()[3]!)],
  ])("finds an event that %s", (_what, planted) => {
    const { inOrder, breaks } = read(planted);
    expect(breaks).toBeGreaterThan(0);
    expect(inOrder).toBeLessThan(EVENTS);
  });
});

/** The same numbers at another time. */
function framesOfLater(): string[] {
  const bytes = createNumberedFrames().next(EVENTS, NOW_MS + 60_000);
  return bytes.toString("latin1").split(/(?<=\n\n)/);
}
