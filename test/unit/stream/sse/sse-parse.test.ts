import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SseParser } from "../../../../src/stream/sse/sse-parse.ts";
import { chunkSizes, cut } from "../chunks.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** The data of each frame, as the parser gives it in pieces. */
function parse(chunks: readonly Uint8Array[], finish = true): string[] {
  const frames: string[] = [];
  let open: number[] = [];
  let current: Uint8Array | null = null;
  const parser = new SseParser({
    data(bytes, from, to) {
      expect(from).toBeLessThan(to);
      // the chunk itself, without a copy, or the joining space
      if (bytes !== current) expect([...bytes]).toEqual([0x20]);
      open.push(...bytes.subarray(from, to));
    },
    end() {
      frames.push(decoder.decode(Uint8Array.from(open)));
      open = [];
    },
  });
  for (const chunk of chunks) {
    current = chunk;
    parser.push(chunk);
  }
  current = null;
  if (finish) parser.finish();
  return frames;
}

/** The id of each frame, and after it the id of the last frame whose data is no "x". */
function idsOf(chunks: readonly Uint8Array[]): (string | null)[] {
  const ids: (string | null)[] = [];
  let data = "";
  const parser = new SseParser({
    data(bytes, from, to) {
      data += decoder.decode(bytes.subarray(from, to));
    },
    end(hasId) {
      ids.push(parser.id);
      expect(hasId).toBe(parser.id !== null);
      if (data !== "x") parser.keepId();
      data = "";
    },
  });
  for (const chunk of chunks) parser.push(chunk);
  parser.finish();
  return [...ids, parser.keptId];
}

function idsNaively(text: string): (string | null)[] {
  const ids: (string | null)[] = [];
  let kept: string | null = null;
  let data: string[] = [];
  let id: string | null = null;
  for (const line of [...text.split(/\r\n|\n|\r/), ""]) {
    const field = /^([^:]*):? ?([^]*)$/.exec(line);
    if (field?.[1] === "data") data.push(field[2] ?? "");
    else if (field?.[1] === "id") id = /^[ -~]{1,256}$/.test(field[2] ?? "") ? field[2]! : null;
    if (line !== "") continue;
    if (data.length > 0) {
      ids.push(id);
      if (data.join(" ") !== "x") kept = id;
    }
    data = [];
    id = null;
  }
  return [...ids, kept];
}

/** The same, as the standard's text would be followed word for word. */
function parseNaively(text: string): string[] {
  const frames: string[] = [];
  let data: string[] = [];
  for (const line of [...text.replace(/^\ufeff/, "").split(/\r\n|\n|\r/), ""]) {
    const field = /^([^:]*):? ?([^]*)$/.exec(line);
    if (line === "" && data.length > 0) {
      frames.push(data.join(" "));
      data = [];
    } else if (field?.[1] === "data") data.push(field[2] ?? "");
  }
  return frames;
}

const PARTS = [
  "data",
  "data:",
  "data: ",
  "data:  two",
  'data: {"a":1}',
  "data: a:b ",
  "dat",
  "datax: 1",
  " data: 1",
  ": comment",
  ":",
  " ",
  "id: 7",
  "event",
  "retry: 10",
  "\ufeff",
  "ž",
  "\n",
  "\n",
  "\r",
  "\r\n",
  "\n\n",
];
const stream = fc
  .array(fc.constantFrom(...PARTS), { maxLength: 30 })
  .map((parts) => parts.join(""));

describe("SseParser", () => {
  it("agrees with a naive parser on any stream, however it is cut", () => {
    fc.assert(
      fc.property(stream, chunkSizes, (text, sizes) => {
        expect(parse(cut(encoder.encode(text), sizes))).toEqual(parseNaively(text));
      }),
      { numRuns: 5000 },
    );
  });

  it("agrees with a naive parser whole, byte by byte and cut in two anywhere", () => {
    const text =
      '\ufeff: hi\r\n\r\ndata: {"a":\r\ndata:1}\r\n\r\nid: 1\rdata\rdata:  x\r\revent: e\n\ndata:\n\ndata: z';
    const want = ['{"a": 1}', "  x", "", "z"];
    expect(parseNaively(text)).toEqual(want);
    const bytes = encoder.encode(text);
    expect(parse([bytes])).toEqual(want);
    expect(parse(cut(bytes, [1]))).toEqual(want);
    for (let at = 0; at <= bytes.length; at++)
      expect(parse([bytes.slice(0, at), new Uint8Array(0), bytes.slice(at)])).toEqual(want);
  });

  it("agrees with a naive parser on the ids of frames, however they are cut", () => {
    const line = fc.constantFrom(
      "data: x",
      "data: y",
      "id: 7",
      "id:eight",
      "id",
      "id: ",
      "id: \u007f",
      "id: ž",
      `id: ${"9".repeat(256)}`,
      `id: ${"9".repeat(257)}`,
      ": id",
      "",
    );
    const lineEnd = fc.constantFrom("\n", "\n", "\n\n", "\r\n", "\r");
    const text = fc
      .array(fc.tuple(line, lineEnd), { maxLength: 20 })
      .map((lines) => lines.flat().join(""));
    fc.assert(
      fc.property(text, chunkSizes, (frames, sizes) => {
        expect(idsOf(cut(encoder.encode(frames), sizes))).toEqual(idsNaively(frames));
      }),
      { numRuns: 2000 },
    );
  });

  it("keeps a frame without its blank line until the stream is finished", () => {
    const bytes = encoder.encode("data: a\n\ndata: b\n");
    expect(parse([bytes], false)).toEqual(["a"]);
    expect(parse([bytes])).toEqual(["a", "b"]);
  });

  it("ends a frame at the CR of its blank line, before the LF is there", () => {
    expect(parse([encoder.encode("data: a\r\n\r")], false)).toEqual(["a"]);
  });
});
