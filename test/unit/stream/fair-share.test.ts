import { expect, it } from "vitest";
import { createFairShare } from "../../../src/stream/fair-share.ts";

it("FairShare splits the total evenly between its bounds, and again when somebody leaves", () => {
  const share = createFairShare({ totalBytes: 1_000, minBytes: 50, maxBytes: 400 });
  expect(share.bytes).toBe(400);
  const first = share.take();
  expect(share.bytes).toBe(400);
  const others = Array.from({ length: 9 }, () => share.take());
  expect(share.bytes).toBe(100);
  const many = Array.from({ length: 90 }, () => share.take());
  expect(share.bytes).toBe(50);
  for (const give of [first, first, first, ...many]) give();
  expect(share.bytes).toBe(111);
  for (const give of others) give();
  expect(share.bytes).toBe(400);
});
