import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createObjectLogStore } from "../../adapters/object/index.ts";
import { createS3Bucket } from "../../adapters/s3/index.ts";
import { systemClock } from "../../src/entry/system-clock.ts";
import type { Clock } from "../../src/ports/clock.ts";
import { concat, drain, firstDifference, lineOf, utf8 } from "../contract/bytes.ts";
import { type FaultProxy, startFaultProxy, type WireFault } from "../support/fault-proxy.ts";
import { BUCKET, type S3Server, startS3Server } from "../support/s3-server.ts";

const KEY = { project: "p", session: "s" };
const LINES = 12;
const HOUR_MS = 3_600_000;

let server: S3Server;
let proxy: FaultProxy;
let faults: readonly WireFault[] = [];
let at = 0;
/** What is called when the time of an attempt is over. */
const attempts = new Set<() => void>();

/**
 * The machine's clock, but an attempt's time is over when its request has stalled, and no sooner: an
 * answer that is only slow comes, however busy the machine.
 */
const clock: Clock = {
  ...systemClock,
  after(ms, fn) {
    if (ms < HOUR_MS) return systemClock.after(ms, fn);
    attempts.add(fn);
    return () => void attempts.delete(fn);
  },
};

function endAttempts(): void {
  for (const end of attempts) end();
}

beforeAll(async () => {
  server = await startS3Server();
  const next = (): WireFault => faults[at++ % faults.length] ?? "none";
  proxy = await startFaultProxy(server.endpoint, next, endAttempts);
});
afterAll(async () => {
  await proxy.close();
  await server.close();
});

/** Writes and reads a session with `pattern` over and over; rejects if a byte is not as it should be. */
async function playUnder(pattern: readonly WireFault[]): Promise<void> {
  const { credentials, endpoint } = server;
  const path = new URL(endpoint).pathname;
  const bucket = createS3Bucket({
    bucket: BUCKET,
    endpoint: new URL(path, proxy.origin).href,
    credentials,
  });
  const retrying = { attemptMs: HOUR_MS, deadlineMs: HOUR_MS, leaseMs: HOUR_MS, closeMs: 600_000 };
  const options = { bucket, clock, batchMs: 0, ...retrying };
  const prefix = `${crypto.randomUUID()}/`;
  const store = createObjectLogStore({ ...options, prefix });
  faults = pattern;
  try {
    const { logId } = await store.create(KEY);
    const lines = Array.from({ length: LINES }, (_, i) => lineOf(500 + i * 37, i));
    let expectedEnd = 0;
    for (const [i, line] of lines.entries())
      expectedEnd = await store.append(KEY, line, {
        logId,
        expectedEnd,
        durable: i === LINES - 1,
      });
    await store.setDocument(KEY, logId, utf8("a document"));
    await store.setHead(KEY, logId, utf8("a head"));
    expect(firstDifference(await drain(store.read(KEY, { logId })), concat(lines))).toBe(-1);
    // another process knows nothing but what is stored
    const other = createObjectLogStore({ ...options, prefix });
    expect(await other.stat(KEY)).toEqual(await store.stat(KEY));
    expect(firstDifference(await drain(other.read(KEY, { logId })), concat(lines))).toBe(-1);
    await other.close();
  } finally {
    faults = ["none"];
    await store.close();
    bucket.close();
  }
}

describe("an object store behind a wire that breaks", () => {
  it.each<WireFault>([
    "409",
    "503",
    "reset-before",
    "reset-after",
    "stall-before",
    "stall-after",
    "truncate",
  ])("loses and doubles nothing when every third request meets: %s", async (fault) => {
    await playUnder(["none", "none", fault]);
  });

  it("loses and doubles nothing under any mixture of faults", async () => {
    const fault = fc.constantFrom<WireFault>(
      "409",
      "503",
      "reset-before",
      "reset-after",
      "stall-before",
      "stall-after",
      "truncate",
      "none",
    );
    // what is tried again at once gets through, so that a run is a matter of seconds
    const pattern = fc
      .array(fault, { minLength: 3, maxLength: 12 })
      .map((all) => all.flatMap((one): WireFault[] => ["none", one, "none"]));
    await fc.assert(fc.asyncProperty(pattern, playUnder), { numRuns: 8, endOnFailure: true });
  });
});
