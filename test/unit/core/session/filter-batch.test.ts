import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { factsOfLine } from "../../../../src/core/model/server-events.ts";
import { asFromRunner, selectEvents } from "../../../../src/core/session/filter-batch.ts";
import { concat, textOf, utf8 } from "../../../contract/bytes.ts";

/** The bytes cut at the given places. */
function cut(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const at = [0, ...places.map((place) => place % (bytes.length + 1)), bytes.length];
  at.sort((a, b) => a - b);
  return at.slice(1).map((end, i) => bytes.subarray(at[i], end));
}

describe("selectEvents", () => {
  it("keeps the wanted events whole and in order, wherever the pieces break", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.string(), fc.boolean()), { maxLength: 12 }),
        fc.array(fc.nat(), { maxLength: 20 }),
        (items, places) => {
          const texts = items.map(([text]) => `${JSON.stringify({ text })}\n`);
          const events = texts.map((text) => factsOfLine(utf8(text)));
          const lines = cut(utf8(texts.join("")), places);
          const isKept = items.map(([, keep]) => keep);
          const selected = selectEvents({ lines, events }, isKept);
          const wanted = texts.filter((_, i) => isKept[i]);
          expect(textOf(concat(selected.lines))).toBe(wanted.join(""));
          expect(selected.events).toEqual(events.filter((_, i) => isKept[i]));
        },
      ),
    );
  });
});

describe("asFromRunner", () => {
  it("puts a line before each event that has a name of runlog's own, and changes no other byte", () => {
    const own = ["runlog:run-input", "runlog:from-runner"];
    const texts = ["other", ...own, String.raw`runlog:run-\u0069nput`, "runlog:large-event"].map(
      (name) => `{"type":"CUSTOM","name":"${name}"}\n`,
    );
    const events = texts.map((text) => factsOfLine(utf8(text)));
    const stored = asFromRunner({ lines: cut(utf8(texts.join("")), [7, 50, 90]), events });
    const mark = (name: string): string =>
      `{"type":"CUSTOM","name":"runlog:from-runner","value":{"name":"${name}"}}\n`;
    const [first, input, marker, escaped, last] = texts;
    const expected = [
      first,
      mark(own[0]!),
      input,
      mark(own[1]!),
      marker,
      mark(own[0]!),
      escaped,
      last,
    ];
    expect(textOf(concat(stored.lines))).toBe(expected.join(""));
    const bytes = stored.events.reduce((sum, event) => sum + event.bytes, 0);
    expect(bytes).toBe(concat(stored.lines).length);
  });
});
