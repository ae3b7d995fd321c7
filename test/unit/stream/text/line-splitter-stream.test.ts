import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  LineSplitterStream,
  type LineSplitterOptions,
  LineTooLongError,
} from "../../../../src/stream/text/line-splitter-stream.ts";
import { collect, reasonOf } from "../../../contract/outcome.ts";

function streamOf(pieces: readonly string[], onCancel = (): void => {}): ReadableStream<string> {
  const left = [...pieces];
  return new ReadableStream({
    pull(controller) {
      const next = left.shift();
      if (next === undefined) controller.close();
      else controller.enqueue(next);
    },
    cancel: onCancel,
  });
}

function linesOf(pieces: readonly string[], options?: LineSplitterOptions): Promise<string[]> {
  return collect(streamOf(pieces).pipeThrough(new LineSplitterStream(options)));
}

function piecesOf(text: string, size: number): string[] {
  const pieces: string[] = [];
  for (let at = 0; at < text.length; at += size) pieces.push(text.slice(at, at + size));
  return pieces;
}

/** What the lines are, by other means. */
function expected(text: string, end: RegExp): string[] {
  const lines = text.split(end);
  if (lines.at(-1) === "") lines.pop();
  return lines;
}

const texts = fc
  .array(fc.constantFrom("a", "bc", "\n", "\r", "\r\n", "\n\n", "ddddd", "\u2028"), {
    maxLength: 12,
  })
  .map((parts) => parts.join(""));
const sizes = fc.integer({ min: 1, max: 9 });

describe("LineSplitterStream", () => {
  it.each([
    ["LF", "a\nb\n", ["a", "b"]],
    ["CR", "a\rb\r", ["a", "b"]],
    ["CRLF", "a\r\nb\r\n", ["a", "b"]],
    ["ends of all kinds", "a\r\n\rb\n\nc", ["a", "", "b", "", "c"]],
    ["a last line without an end", "a\nb", ["a", "b"]],
    ["one end and nothing else", "\n", [""]],
    ["nothing", "", []],
  ])("cuts at %s, wherever pieces break", async (_, text, lines) => {
    for (let size = 1; size <= text.length + 1; size += 1)
      expect(await linesOf(piecesOf(text, size))).toEqual(lines);
  });

  it("gives the lines of any text however it is cut", async () => {
    await fc.assert(
      fc.asyncProperty(texts, sizes, async (text, size) => {
        expect(await linesOf(piecesOf(text, size))).toEqual(expected(text, /\r\n|\r|\n/u));
      }),
    );
  });

  it("takes empty pieces for nothing", async () => {
    expect(await linesOf(["a\r", "", "\nb", ""])).toEqual(["a", "b"]);
  });

  it("leaves CR in a line where LF alone ends one", async () => {
    await fc.assert(
      fc.asyncProperty(texts, sizes, async (text, size) => {
        expect(await linesOf(piecesOf(text, size), { ends: "lf" })).toEqual(expected(text, /\n/u));
      }),
    );
  });

  it("fails at a line that is too long, by its number, after those before it", async () => {
    const seen: string[] = [];
    const lines = streamOf(["ab\nabc\nab", "cd\n"]).pipeThrough(
      new LineSplitterStream({ maxLength: 3 }),
    );
    const reason = await reasonOf(
      (async () => {
        for await (const line of lines) seen.push(line);
      })(),
    );
    expect(seen).toEqual(["ab", "abc"]);
    expect(reason).toBeInstanceOf(LineTooLongError);
    expect(reason).toMatchObject({ line: 3, maxLength: 3 });
    expect(String(reason)).toBe("LineTooLongError: Line 3 is longer than 3 characters");
  });

  it("gives an empty line for one that is too long where that is asked for", async () => {
    const options = { maxLength: 3, longLines: "empty", ends: "lf" } as const;
    await fc.assert(
      fc.asyncProperty(texts, sizes, async (text, size) => {
        const lines = expected(text, /\n/u).map((line) => (line.length > 3 ? "" : line));
        expect(await linesOf(piecesOf(text, size), options)).toEqual(lines);
      }),
    );
  });

  it("lets its source go when it is left early, and fails as that does", async () => {
    let cancelled = false;
    const source = streamOf(["a\nb\n", "c\n"], () => (cancelled = true));
    for await (const line of source.pipeThrough(new LineSplitterStream())) if (line) break;
    expect(cancelled).toBe(true);

    const broken = new ReadableStream<string>({ pull: () => Promise.reject(new Error("broken")) });
    const reason = await reasonOf(collect(broken.pipeThrough(new LineSplitterStream())));
    expect(reason).toEqual(new Error("broken"));
  });
});
