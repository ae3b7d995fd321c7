import { describe, expect, it } from "vitest";
import { createMemoryObjectBucket } from "../../adapters/memory/index.ts";
import { createObjectLogStore } from "../../adapters/object/index.ts";
import { systemClock } from "../../src/entry/system-clock.ts";
import { LOG_NAMES, type LogName } from "../../src/ports/log-store.ts";
import type { ObjectBucket } from "../../src/ports/object-bucket.ts";
import { utf8 } from "../contract/bytes.ts";

const KEY = { project: "p", session: "s" };

/** A bucket with the logs and values of a session that was written `rounds` times; its runs end, so that objects are merged. */
async function written(rounds: number): Promise<ObjectBucket> {
  const bucket = createMemoryObjectBucket();
  const store = createObjectLogStore({ bucket, clock: systemClock, batchMs: 0 });
  const { logId } = await store.create(KEY);
  const ends = new Map<LogName, number>();
  for (let round = 0; round < rounds; round += 1) {
    for (const [index, log] of LOG_NAMES.entries()) {
      if (index > 0 && round % (index + 1) !== 0) continue;
      const expectedEnd = ends.get(log) ?? 0;
      const note = log === "raw" ? { note: { key: "n", text: String(round) } } : {};
      const line = utf8(`{"round":${round}}\n`);
      const options = { logId, log, expectedEnd, durable: round % 5 === 0, ...note };
      ends.set(log, await store.append(KEY, line, options));
    }
    await store.setHead(KEY, logId, utf8(`head ${round}`));
  }
  await store.close();
  return bucket;
}

/** The same bucket, of which a page holds `most` objects, and how often it was listed. */
function inPagesOf(bucket: ObjectBucket, most: number) {
  const listed: string[] = [];
  const list: ObjectBucket["list"] = (options) => {
    listed.push(options.prefix);
    return bucket.list({ ...options, limit: Math.min(options.limit ?? most, most) });
  };
  return { bucket: { ...bucket, list }, listed };
}

function statIn(bucket: ObjectBucket) {
  return createObjectLogStore({ bucket, clock: systemClock }).stat(KEY);
}

describe("a session that another process has", () => {
  it("is found by two listings, however many logs and values it has", async () => {
    for (const rounds of [0, 1, 30]) {
      const { bucket, listed } = inPagesOf(await written(rounds), 1_000);
      expect((await statIn(bucket))?.end.raw).toBeGreaterThanOrEqual(rounds * 12);
      expect(listed).toHaveLength(2);
    }
  });

  it("is found the same when its objects are more than a page holds", async () => {
    for (const rounds of [1, 9, 30]) {
      const bucket = await written(rounds);
      const whole = await statIn(bucket);
      expect(whole?.head).toEqual(utf8(`head ${rounds - 1}`));
      for (let most = 1; most <= 40; most += 1)
        expect(await statIn(inPagesOf(bucket, most).bucket)).toEqual(whole);
    }
  });
});
