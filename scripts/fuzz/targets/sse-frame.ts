import * as fc from "fast-check";
import { concatBytes } from "../../../src/stream/bytes/concat.ts";
import { SseFramer } from "../../../src/stream/sse/sse-frame.ts";
import { type FuzzTarget, fuzzTarget } from "../fuzz-target.ts";
import { cutBytes, jsonBytes, event, piecesOf } from "../inputs.ts";

const LF = 10;
const lines = fc
  .tuple(fc.array(jsonBytes(event), { maxLength: 12 }), fc.integer({ min: 0, max: 10 ** 12 }))
  .chain(([list, start]) => {
    // a line is what is between two line feeds
    const text = list.flatMap((bytes) => [bytes.filter((byte) => byte !== LF), Uint8Array.of(LF)]);
    return cutBytes(fc.constant(concatBytes(text))).map((cut) => ({ ...cut, start }));
  });

/** Lines are split and framed alike however their bytes come, each with the position after it. */
export const target: FuzzTarget = fuzzTarget("sse-frame", lines, (input) => {
  const { bytes, start } = input;
  const framer = new SseFramer("log-r", start);
  const framed = concatBytes(piecesOf(input).map((piece) => framer.push(piece)));
  const expected: Uint8Array<ArrayBuffer>[] = [];
  for (let from = 0; from < bytes.length;) {
    const to = bytes.indexOf(LF, from) + 1;
    expected.push(encode("data: "), bytes.slice(from, to), encode(`id: log-r${start + to}\n\n`));
    from = to;
  }
  if (Buffer.compare(framed, concatBytes(expected)) !== 0)
    throw new Error(`framed as ${new TextDecoder().decode(framed)}`);
  if (!framer.atBoundary) throw new Error("the end of the last line is no boundary");
});

function encode(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}
