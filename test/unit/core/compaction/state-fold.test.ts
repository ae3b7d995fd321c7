import { describe, expect, it } from "vitest";
import { compactLines } from "../../../oracle/compact.ts";

const snapshot = (text: string): string => `{"type":"STATE_SNAPSHOT","snapshot":${text}}`;
const delta = (...operations: unknown[]): string =>
  JSON.stringify({ type: "STATE_DELTA", delta: operations });
const nest = (depth: number): string => `${'{"a":'.repeat(depth)}{}${"}".repeat(depth)}`;

describe("states in a compact log", () => {
  it("are one snapshot, their numbers as they were written", () => {
    const lines = [
      snapshot('{"a":[1.10,2512292042121000001],"b":1e2}'),
      delta({ op: "copy", from: "/a", path: "/c" }),
      '{"type":"STATE_DELTA","delta":[{"op":"add","path":"/d","value":0.0}]}',
    ];
    const numbers = "[1.10,2512292042121000001]";
    expect(compactLines(lines)).toEqual([
      snapshot(`{"a":${numbers},"b":1e2,"c":${numbers},"d":0.0}`),
    ]);
  });

  it.each([
    [
      "it would double thirty times",
      [
        snapshot('{"a":{}}'),
        delta(
          ...Array.from({ length: 30 }, (_, at) => ({ op: "copy", from: "/a", path: `/a/x${at}` })),
        ),
      ],
    ],
    [
      "it would be larger than 512 KiB",
      [
        snapshot(`{"a":"${"x".repeat(200_000)}"}`),
        delta(...["b", "c"].map((key) => ({ op: "copy", from: "/a", path: `/${key}` }))),
      ],
    ],
    [
      "it would be deeper than an event may be",
      [
        snapshot(nest(900)),
        delta({ op: "add", path: "/a".repeat(901), value: JSON.parse(nest(900)) }),
      ],
    ],
    [
      "its pointer is longer than any that is followed",
      [snapshot("{}"), delta({ op: "add", path: `/${"k".repeat(70_000)}`, value: 1 })],
    ],
    [
      "it has a number that clients lose",
      [snapshot('{"a":1e400}'), delta({ op: "add", path: "/b", value: 1 })],
    ],
    [
      "it gets one that clients lose",
      [snapshot("{}"), '{"type":"STATE_DELTA","delta":[{"op":"add","path":"/b","value":-0.0}]}'],
    ],
  ])("are passed on as they are where %s", (_why, lines) => {
    expect(compactLines(lines)).toEqual(lines);
  });
});
