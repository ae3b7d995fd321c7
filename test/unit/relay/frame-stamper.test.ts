import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { endsWithFrame, FrameStamper, readStampedId } from "../../../src/relay/frame-stamper.ts";
import { SseParser } from "../../../src/stream/sse/sse-parse.ts";

const TAG = "abcd1234";
const encoder = new TextEncoder();
const decoder = new TextDecoder();

function stamp(chunks: readonly Uint8Array[], offset = 0): { text: string; stamper: FrameStamper } {
  const stamper = new FrameStamper(TAG, offset);
  const text = chunks
    .map((chunk) => decoder.decode(stamper.push(chunk), { stream: true }))
    .join("");
  return { text: text + decoder.decode(stamper.finish()), stamper };
}

/** The data of each frame, as our own parser reads it. */
function dataOf(text: string): string[] {
  const frames: string[] = [];
  let open = "";
  const parser = new SseParser({
    data: (bytes, from, to) => {
      open += decoder.decode(bytes.subarray(from, to));
    },
    end() {
      frames.push(open);
      open = "";
    },
  });
  parser.push(encoder.encode(text));
  parser.finish();
  return frames;
}

const lineEnd = fc.constantFrom("\n", "\r\n", "\r");
const line = fc.constantFrom(
  'data: {"a":1}',
  "data:x",
  "data",
  ": beat",
  "event: m",
  "id: own",
  "",
);
const stream = fc
  .array(fc.tuple(line, lineEnd), { maxLength: 30 })
  .map((lines) => lines.flat().join(""));

/** A text in pieces that break anywhere. */
function pieces(text: string, cuts: readonly number[]): Uint8Array[] {
  const bytes = encoder.encode(text);
  const at = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).toSorted((a, b) => a - b)];
  return at.map((from, index) => bytes.subarray(from, at[index + 1] ?? bytes.length));
}

describe("a stamper of frames", () => {
  it("puts an id that names its own place into each frame, comments among them", () => {
    const { text } = stamp([
      encoder.encode('data: {"a":1}\n\n: beat\r\n\r\nevent: m\ndata: x\n\n'),
    ]);
    expect(text).toBe(
      `data: {"a":1}\nid: ${TAG}-14\n\n: beat\nid: ${TAG}-38\n\nevent: m\ndata: x\nid: ${TAG}-72\n\n`,
    );
  });

  it("gives the same for every way of breaking a stream into chunks", () => {
    fc.assert(
      fc.property(stream, fc.array(fc.nat(), { maxLength: 8 }), (text, cuts) => {
        expect(stamp(pieces(text, cuts)).text).toBe(stamp([encoder.encode(text)]).text);
      }),
    );
  });

  it("keeps the data of each frame, in order", () => {
    fc.assert(
      fc.property(stream, (text) => {
        expect(dataOf(stamp([encoder.encode(text)]).text)).toEqual(dataOf(text));
      }),
    );
  });

  it("gives each frame one id of its own as the last, at which the next frame begins", () => {
    fc.assert(
      fc.property(stream, fc.nat(1_000_000), (source, offset) => {
        const { text, stamper } = stamp([encoder.encode(source)], offset);
        const frames = text.split("\n\n");
        expect(frames.pop()).toBe("");
        let at = offset;
        for (const frame of frames) {
          at += frame.length + 2;
          const id = frame.split("\n").at(-1)?.replace("id: ", "") ?? "";
          const place = readStampedId(id, TAG);
          expect(place && place.offset + place.text.length).toBe(at);
          expect(endsWithFrame(frame.slice(-40) + "\n\n", TAG, at)).toBe(true);
        }
        expect(stamper.frameEnd).toBe(at);
      }),
    );
  });

  it.each(["abcd1234-", "abcd1234-01", "abcd1235-1", "abcd1234-1e3", "-1", "", "abcd1234-1 "])(
    "reads no place from %j",
    (id) => {
      expect(readStampedId(id, TAG)).toBeNull();
    },
  );
});
