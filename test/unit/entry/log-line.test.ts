import { assert, jsonValue, property, string } from "fast-check";
import { describe, expect, it } from "vitest";
import { jsonLine, readableLine } from "../../../src/entry/log/log-line.ts";
import { isWanted, loggerBy } from "../../../src/entry/log/levels.ts";
import { visible } from "../../../src/entry/terminal/visible.ts";
import type { LogLevel } from "../../../src/ports/logger.ts";

const time = new Date("2026-05-04T12:03:04.567Z");
const clock = time.toTimeString().slice(0, 8);
const UNSAFE = /[\p{Cc}\u202a-\u202e\u2066-\u2069]/u;

describe("a line of the log", () => {
  it("is an object for programs, with the causes of errors", () => {
    const error = new Error("outer", { cause: Object.assign(new Error("inner"), { code: "EIO" }) });
    const line = jsonLine({ time, level: "warn", event: "odd", facts: { error, size: 12n } });
    expect(JSON.parse(line)).toMatchObject({
      time: "2026-05-04T12:03:04.567Z",
      level: "warn",
      event: "odd",
      size: "12",
      error: { message: "outer", cause: { code: "EIO", message: "inner" } },
    });
  });

  it("is a sentence for people, its stack below it", () => {
    const facts = { text: "waiting for it", url: "http://x", what: "a b", none: undefined };
    expect(readableLine({ time, level: "info", event: "waiting", facts })).toBe(
      `${clock} info  waiting waiting for it url=http://x what="a b"`,
    );
    const error = new Error("lost", { cause: new TypeError("deep") });
    const [head, cause, at] = readableLine({
      time,
      level: "error",
      event: "e",
      facts: { error },
    }).split("\n");
    expect(head).toBe(`${clock} error e error="Error: lost"`);
    expect(cause).toBe("    caused by TypeError: deep");
    expect(at).toMatch(/^ {4}at /);
  });

  it("leaves nothing in it that a terminal acts on", () => {
    assert(
      property(string({ unit: "binary" }), jsonValue(), (text, value) => {
        const facts = { text, value, other: text };
        const line = readableLine({ time, level: "info", event: "e", facts });
        expect(line).not.toMatch(UNSAFE);
      }),
    );
  });

  it("is written from the least wanted level on", () => {
    const levels: readonly LogLevel[] = ["debug", "info", "warn", "error"];
    for (const least of levels) {
      const written: LogLevel[] = [];
      const logger = loggerBy((level) => written.push(level), least);
      for (const level of levels) logger[level]?.("event");
      expect(written).toEqual(levels.slice(levels.indexOf(least)));
      expect(levels.filter((level) => isWanted(level, least))).toEqual(written);
    }
  });
});

describe("visible text", () => {
  it("shows what would move a cursor, set a title or turn the direction", () => {
    expect(visible("a\u001b]0;title\u0007\r\nb\u202ec\u009b2J")).toBe(
      String.raw`a\x1b]0;title\x07\r\nb\u202ec\x9b2J`,
    );
    expect(visible("one\n\ttwo\u001b[A", { keepLines: true })).toBe("one\n\ttwo\\x1b[A");
    expect(visible("héllo 世界 👩‍👩‍👧 \u{1f600}")).toBe("héllo 世界 👩‍👩‍👧 \u{1f600}");
  });

  it("is the same for text without such", () => {
    assert(
      property(string({ unit: "grapheme" }), (text) => {
        const shown = visible(text);
        expect(visible(shown)).toBe(shown);
        expect(shown).not.toMatch(UNSAFE);
      }),
    );
  });
});
