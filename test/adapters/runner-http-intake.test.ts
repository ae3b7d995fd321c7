import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { HeldPieces } from "../../src/stream/bytes/held-pieces.ts";
import { Intake } from "../../adapters/runner-http/intake.ts";
import { concat, textOf, utf8 } from "../contract/bytes.ts";
import { chunkSizes, cut } from "../unit/stream/chunks.ts";

interface Taken {
  readonly text: string;
  readonly facts: readonly (readonly [bytes: number, type: string, runId: string | null])[];
  readonly malformed: number;
  readonly oversized: number;
}

/** What comes out when `chunks` go in; batches are taken as the sizes of the chunks will have it. */
function take(
  chunks: readonly Uint8Array[],
  maxEventBytes: number,
  { isGiven = false }: { readonly isGiven?: boolean } = {},
): Taken {
  const intake = new Intake(maxEventBytes);
  const lines: Uint8Array[] = [];
  const facts: [number, string, string | null][] = [];
  const drain = (): void => {
    const batch = intake.take();
    lines.push(...(batch?.lines ?? []));
    for (const { bytes, type, runId } of batch?.events ?? []) facts.push([bytes, type, runId]);
    expect(intake.readyBytes).toBe(0);
  };
  for (const chunk of chunks) {
    const copy = chunk.slice();
    intake.push(chunk, { isGiven });
    if (!isGiven) expect(chunk).toEqual(copy);
    expect(intake.heldBytes).toBeLessThanOrEqual(maxEventBytes);
    if (chunk.length % 3 > 0) drain();
  }
  intake.finish();
  drain();
  const { malformed, oversized } = intake.counts;
  return { text: textOf(concat(lines)), facts, malformed, oversized };
}

/** The same by the rules, one frame after the other. */
function takeNaively(frames: readonly string[], maxEventBytes: number): Taken {
  const lines: string[] = [];
  const facts: [number, string, string | null][] = [];
  let malformed = 0;
  let oversized = 0;
  for (const frame of frames) {
    const event = parseObject(frame);
    if (!event) {
      malformed++;
      continue;
    }
    const runId = textIn(event, "runId") ?? textIn(event, "run_id");
    let type = textIn(event, "type") ?? "";
    let line = frame;
    const size = utf8(frame).length;
    if (size > maxEventBytes) {
      oversized++;
      const value = { size, limit: maxEventBytes, ...(type && { type }) };
      const own = { type: "CUSTOM", name: "runlog:event-too-large", value };
      line = JSON.stringify(runId === null ? own : { ...own, runId });
      type = "CUSTOM";
    }
    lines.push(`${line}\n`);
    facts.push([utf8(line).length + 1, type, runId]);
  }
  return { text: lines.join(""), facts, malformed, oversized };
}

function parseObject(text: string): Map<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
    return isObject ? new Map(Object.entries(value)) : null;
  } catch {
    return null;
  }
}

function textIn(event: ReadonlyMap<string, unknown>, key: string): string | null {
  const value = event.get(key);
  return typeof value === "string" ? value : null;
}

/** The data of a frame. */
const frame = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.constantFrom('{"type":"TEXT","delta":"ž"}', '{"type":"A","runId":"r"}'),
  },
  { weight: 2, arbitrary: fc.nat(60).map((n) => `{"run_id":"s","pad":"${"€".repeat(n)}"}`) },
  { weight: 1, arbitrary: fc.constantFrom("[1]", '{"a"', "", '{"type":"B"} x', "{} ") },
);

/** Bytes on the wire for it: in one data line or several, with other fields around. */
const wire = fc
  .tuple(frame, fc.constantFrom("\n", "\r\n", "\r"), fc.constantFrom("", ": c\n", "id: 1\r", "\n"))
  .map(([data, eol, before]) => ({ data, bytes: `${before}data: ${data}${eol}${eol}` }));

describe("Intake", () => {
  it("stores the same, however the stream is cut and whenever batches are taken", () => {
    fc.assert(
      fc.property(
        fc.array(wire, { maxLength: 12 }),
        chunkSizes,
        fc.constantFrom(10, 40, 120, 10_000),
        (frames, sizes, maxEventBytes) => {
          const bytes = utf8(frames.map((each) => each.bytes).join(""));
          const want = takeNaively(
            frames.map(({ data }) => data),
            maxEventBytes,
          );
          expect(take(cut(bytes, sizes), maxEventBytes)).toEqual(want);
          expect(take([bytes], maxEventBytes)).toEqual(want);
          expect(take(cut(bytes, sizes), maxEventBytes, { isGiven: true })).toEqual(want);
          expect(take([bytes.slice()], maxEventBytes, { isGiven: true })).toEqual(want);
        },
      ),
      { numRuns: 500 },
    );
  });

  it("stores the same when an event comes in several data lines, cut anywhere", () => {
    const text = 'data: {"type":\ndata:"A"}\n\ndata\ndata: {}\n\ndata: {"b":\r\rdata: {}\ndata';
    const want = takeNaively(['{"type": "A"}', " {}", '{"b":', "{} "], 1000);
    const bytes = utf8(text);
    expect(take(cut(bytes, [1]), 1000)).toEqual(want);
    for (let at = 0; at <= bytes.length; at++)
      expect(take([bytes.slice(0, at), bytes.slice(at)], 1000)).toEqual(want);
  });

  it("keeps a complete last frame of a broken stream, and blames nobody for half a one", () => {
    for (const [sent, lines] of [
      ['data: {"a":1}\n\ndata: {"b":2}', '{"a":1}\n{"b":2}\n'],
      ['data: {"a":1}\n\ndata: {"b":', '{"a":1}\n'],
    ] as const) {
      const intake = new Intake(1000);
      intake.push(utf8(sent));
      intake.cutOff();
      expect(textOf(concat(intake.take()?.lines ?? []))).toBe(lines);
      expect(intake.counts.malformed).toBe(0);
    }
  });

  it("releases an event as soon as it is too large or cannot become valid", () => {
    for (const begin of ['data: {"pad":"', "data: ["]) {
      const intake = new Intake(10_000);
      intake.push(utf8(begin));
      for (let i = 0; i < 20; i++) intake.push(utf8("x".repeat(1000)));
      expect(intake.heldBytes).toBe(0);
    }
  });

  it("counts ill-formed UTF-8, also at the very end", () => {
    const intake = new Intake(1000);
    intake.push(concat([utf8('data: {"a":"'), Uint8Array.of(0xff), utf8('"}\n\n')]));
    expect(intake.counts.repaired).toBe(1);
    intake.push(Uint8Array.of(0xe2, 0x82));
    intake.finish();
    expect(intake.counts.repaired).toBe(2);
    expect(textOf(concat(intake.take()?.lines ?? []))).toBe('{"a":"\ufffd"}\n');
  });
});

describe("HeldPieces", () => {
  it("gives back what was added, in order, and needs memory in proportion to it", () => {
    const piece = fc.record({
      length: fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 900, max: 9000 })),
      spare: fc.constantFrom(0, 10, 100_000),
    });
    fc.assert(
      fc.property(fc.array(piece, { minLength: 1, maxLength: 40 }), (pieces) => {
        const held = new HeldPieces();
        const all = pieces.map(({ length, spare }, index) =>
          new Uint8Array(length + spare).fill(index).subarray(spare),
        );
        for (const each of all) held.add(each);
        const want = concat(all);
        expect(held.bytes).toBe(want.length);
        const got = held.take();
        expect(concat(got)).toEqual(want);
        expect(held.bytes).toBe(0);
        const buffers = new Set(got.map(({ buffer }) => buffer));
        const memory = [...buffers].reduce((total, buffer) => total + buffer.byteLength, 0);
        expect(memory).toBeLessThanOrEqual(2 * want.length);
        expect(got.length).toBeLessThanOrEqual(1 + want.length / 400);
      }),
    );
  });
});
