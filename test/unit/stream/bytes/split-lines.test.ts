import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { splitLines } from "../../../../src/stream/bytes/split-lines.ts";
import { textOf, utf8 } from "../../../contract/bytes.ts";
import { collect, reasonOf } from "../../../contract/outcome.ts";

function streamOf(pieces: readonly Uint8Array[], onCancel = (): void => {}) {
  const left = [...pieces];
  return new ReadableStream<Uint8Array>({
    pull(controller) {
      const next = left.shift();
      if (next) controller.enqueue(next);
      else controller.close();
    },
    cancel: onCancel,
  });
}

async function linesOf(pieces: readonly Uint8Array[], maxBytes: number) {
  const lines = await collect(splitLines(streamOf(pieces), maxBytes));
  return lines.map((line) => line && textOf(line));
}

describe("splitLines", () => {
  it("gives the lines of a text however it is cut, and null for those that are too long", async () => {
    const part = fc.array(fc.constantFrom("a", "bc", "\n", "\n\n", "ddddd"), { maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(
        part,
        fc.integer({ min: 1, max: 9 }),
        fc.nat(7),
        async (parts, size, max) => {
          const text = parts.join("");
          const bytes = utf8(text);
          const pieces: Uint8Array[] = [];
          for (let at = 0; at < bytes.length; at += size)
            pieces.push(bytes.subarray(at, at + size));
          const lines = text.split("\n");
          if (lines.at(-1) === "") lines.pop();
          expect(await linesOf(pieces, max)).toEqual(
            lines.map((line) => (line.length > max ? null : line)),
          );
        },
      ),
    );
  });

  it("lets its stream go when it is left early, and fails as that does", async () => {
    let cancelled = false;
    const stream = streamOf([utf8("a\nb\n"), utf8("c\n")], () => (cancelled = true));
    for await (const line of splitLines(stream, 10)) if (line) break;
    expect(cancelled).toBe(true);

    const broken = new ReadableStream<Uint8Array>({
      pull: () => Promise.reject(new Error("broken")),
    });
    expect(await reasonOf(collect(splitLines(broken, 10)))).toEqual(new Error("broken"));
  });
});
