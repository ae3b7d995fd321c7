import { expect, it } from "vitest";
import { ago, bytes, count, duration, tokensOf } from "../../../src/ui/format/format.ts";

it.each([
  [230, "230 ms"],
  [4_200, "4.2 s"],
  [185_000, "3 min 5 s"],
  [7_260_000, "2 h 1 min"],
])("%i ms took %s", (ms, text) => expect(duration(ms)).toBe(text));

it.each([
  [0, "just now"],
  [59_000, "59 s ago"],
  [3_599_000, "59 min ago"],
  [86_399_000, "23 h ago"],
  [200_000_000, "2 d ago"],
])("%i ms later is %s", (ms, text) => expect(ago(1_000, 1_000 + ms)).toBe(text));

it.each([
  [999, "999"],
  [1_510, "1.5k"],
  [52_300, "52k"],
  [2_300_000, "2.3M"],
])("%i is %s", (value, text) => expect(count(value)).toBe(text));

it.each([
  [512, "512 B"],
  [1_536, "1.5 KiB"],
  [20 * 1_024 * 1_024, "20 MiB"],
])("%i bytes are %s", (value, text) => expect(bytes(value)).toBe(text));

it("tokens are the total, or what went in and out, or not known", () => {
  expect(tokensOf({ totalTokens: 5, inputTokens: 1 })).toBe(5);
  expect(tokensOf({ inputTokens: 1, outputTokens: 2 })).toBe(3);
  expect(tokensOf({ reasoningTokens: 2 })).toBeNull();
  expect(tokensOf(null)).toBeNull();
});
