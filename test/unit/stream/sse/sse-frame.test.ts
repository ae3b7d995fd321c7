import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { sseComment, SseFramer, sseRetry } from "../../../../src/stream/sse/sse-frame.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** What a framer has to say, line by line. */
function framesOf(prefix: string, lines: readonly string[], start: number): string {
  let offset = start;
  return lines
    .map((line) => {
      offset += encoder.encode(`${line}\n`).length;
      return `data: ${line}\nid: ${prefix}${offset}\n\n`;
    })
    .join("");
}

function cut(bytes: Uint8Array, sizes: readonly number[]): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const size = sizes[i % sizes.length] ?? 1;
    chunks.push(bytes.slice(at, at + size));
    at += size;
  }
  return chunks;
}

describe("SseFramer", () => {
  it("frames each line with the offset after it as the last field, however the bytes are cut", () => {
    const line = fc.string({ unit: "binary" }).map((text) => text.replace(/[\r\n]/g, ""));
    fc.assert(
      fc.property(
        fc.array(line, { maxLength: 30 }),
        fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }),
        fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER - 1e6 }),
        (lines, sizes, start) => {
          const framer = new SseFramer("log-r", start);
          const bytes = encoder.encode(lines.map((text) => `${text}\n`).join(""));
          const text = cut(bytes, sizes).map((chunk) =>
            decoder.decode(framer.push(chunk), { stream: true }),
          );
          expect(text.join("")).toBe(
            framesOf(
              "log-r",
              lines.map((l) => decoder.decode(encoder.encode(l))),
              start,
            ),
          );
          expect(framer.atBoundary).toBe(true);
        },
      ),
    );
  });

  it("grows for a chunk of nothing but empty lines", () => {
    const framer = new SseFramer("aaaaaaaaaaaaaaaa-r", 0);
    const text = decoder.decode(framer.push(new Uint8Array(5_000).fill(10)));
    expect(text).toBe(framesOf("aaaaaaaaaaaaaaaa-r", Array<string>(5_000).fill(""), 0));
  });

  it("is within a frame from the first byte of a line until its LF", () => {
    const framer = new SseFramer("x", 0);
    framer.push(encoder.encode('{"a":'));
    expect(framer.atBoundary).toBe(false);
    framer.push(encoder.encode("1}\n"));
    expect(framer.atBoundary).toBe(true);
  });

  it("refuses CR, LF and NUL in an id", () => {
    for (const prefix of ["a\nb", "a\rb", "a\0b"])
      expect(() => new SseFramer(prefix, 0)).toThrow(TypeError);
  });
});

describe("sseComment and sseRetry", () => {
  it("keep every line of a comment a comment, so that none becomes a field", () => {
    expect(decoder.decode(sseComment("a\r\ndata: b\rid: c\nd"))).toBe(
      ": a\n: data: b\n: id: c\n: d\n",
    );
  });

  it("give a retry hint in whole milliseconds", () => {
    expect(decoder.decode(sseRetry(1234.9))).toBe("retry: 1234\n");
  });
});
