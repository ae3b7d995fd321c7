import { expect, it } from "vitest";
import { concatBytes } from "../../../../src/stream/bytes/concat.ts";
import { encodeInSteps } from "../../../../src/stream/json/encode-in-steps.ts";

it.each([
  ["nothing", ""],
  ["a short text", "é 🙂"],
  ["a long text", "x".repeat(2_000_000)],
  ["characters that take two units", "🙂".repeat(1_000_000)],
  ["the same at odd places", `x${"🙂".repeat(1_000_000)}`],
])("encodes %s as if it was done at once", (_, text) => {
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  let steps = 0;
  for (const work = encodeInSteps(text, pieces); !work.next().done;) steps += 1;
  expect(new TextDecoder().decode(concatBytes(pieces)) === text).toBe(true);
  expect(steps).toBe(Math.ceil(text.length / (512 * 1024)));
});
