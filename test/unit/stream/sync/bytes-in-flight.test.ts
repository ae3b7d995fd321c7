import { expect, it } from "vitest";
import { createBytesInFlight } from "../../../../src/stream/sync/bytes-in-flight.ts";

const OPTIONS = { limitBytes: 64_000, minBytes: 10, maxBytes: 800 };

it("BytesInFlight makes pieces smaller the less there is left, and larger again when it is given back", () => {
  const flight = createBytesInFlight(OPTIONS);
  expect(flight.nextBytes).toBe(800);
  const one = flight.share();
  one.hold(32_000);
  expect(flight.nextBytes).toBe(500);
  one.hold(63_999);
  expect(flight.nextBytes).toBe(10);
  one.release();
  expect(flight.nextBytes).toBe(800);
});

it("BytesInFlight holds thousands who never take what they were given to the limit, but for the smallest pieces", () => {
  const flight = createBytesInFlight(OPTIONS);
  let held = 0;
  for (let consumer = 0; consumer < 5_000; consumer++) {
    const bytes = flight.nextBytes;
    flight.share().hold(bytes);
    held += bytes;
  }
  expect(held).toBeLessThan(OPTIONS.limitBytes + 5_000 * OPTIONS.minBytes);
});
