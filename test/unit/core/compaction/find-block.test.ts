import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createMemoryLogStore } from "../../../../adapters/memory/index.ts";
import {
  findBlockBefore,
  findTrailerAfter,
  type PlacedTrailer,
} from "../../../../src/core/compaction/find-block.ts";
import { encodeTrailer } from "../../../../src/core/compaction/trailer.ts";
import { withSmallReads } from "../../../support/small-reads.ts";

const KEY = { project: "p", session: "s" };

/** Events of a block; what looks like a trailer within a line is none. */
const events = fc.array(
  fc.oneof(
    fc.constantFrom('{"a":1}\n', '{"b":"#2 x 1 2 3 4 5"}\n'),
    fc.nat(90_000).map((length) => `{"c":"${"#".repeat(length)}"}\n`),
  ),
  { maxLength: 4 },
);

describe("the blocks of a compact log", () => {
  it("are found by where they end in the raw log, and by a place in them", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(events, { maxLength: 12 }),
        fc.constantFrom(0, 30),
        fc.integer({ min: 1_000, max: 40_000 }),
        async (blocks, start, readBytes) => {
          const memory = createMemoryLogStore();
          const { logId } = await memory.create(KEY);
          const store = withSmallReads(memory, readBytes);
          const trailers: { from: number; placed: PlacedTrailer }[] = [];
          const pieces = [new TextEncoder().encode(`${"x".repeat(29)}\n`).subarray(0, start)];
          let end = start;
          for (const [index, lines] of blocks.entries()) {
            const from = end;
            const bytes = new TextEncoder().encode(lines.join(""));
            const trailer = {
              logId,
              generation: 2,
              start,
              rawStart: 10 * index,
              rawEnd: 10 * (index + 1),
              trailerBytes: 0,
            };
            const { line } = encodeTrailer(trailer, 1);
            end += bytes.length + line.length;
            pieces.push(bytes, line);
            trailers.push({ from, placed: { trailer, start: end - line.length, end } });
          }
          await memory.append(KEY, pieces, { logId, log: "compact", expectedEnd: 0 });
          for (let rawEnd = 0; rawEnd <= 10 * blocks.length; rawEnd += 5) {
            const expected = trailers.findLast(({ placed }) => placed.trailer.rawEnd <= rawEnd);
            expect(await findBlockBefore(store, KEY, { logId, start, end }, rawEnd)).toEqual(
              expected?.placed ?? null,
            );
          }
          for (const { placed, from: at } of trailers)
            expect(await findTrailerAfter(store, KEY, { logId, start: at, end })).toEqual(placed);
        },
      ),
      { numRuns: 25 },
    );
  });
});
