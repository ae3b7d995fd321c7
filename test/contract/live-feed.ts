import { describe, expect, it } from "vitest";
import type { LiveFeed, LogGrowth } from "../../src/ports/live-feed.ts";
import type { SessionKey } from "../../src/ports/log-store.ts";
import { waitFor } from "./wait-for.ts";

export interface LiveFeedHarness {
  readonly feed: LiveFeed;
  dispose(): Promise<void>;
}

export interface LiveFeedContractOptions {
  /** Makes a feed that nobody else publishes to: called once for each test. */
  readonly create: () => Promise<LiveFeedHarness>;
}

type Fresh = (body: (feed: LiveFeed) => Promise<void>) => () => Promise<void>;

const KEY: SessionKey = { project: "a", session: "b-c" };
const LOG_ID = "0123456789abcdef";

/**
 * Defines the tests that every LiveFeed passes. A feed may lose announcements, so each test goes on
 * publishing until what it waits for has been heard.
 */
export function liveFeedContract(name: string, options: LiveFeedContractOptions): void {
  const fresh: Fresh = (body) => async () => {
    const harness = await options.create();
    try {
      await body(harness.feed);
    } finally {
      await harness.dispose();
    }
  };
  describe(`LiveFeed contract: ${name}`, () => {
    describeHearing(fresh);
    describeListeners(fresh);
  });
}

function describeHearing(fresh: Fresh): void {
  it(
    "hears what is published after subscribe has returned, as it was published",
    fresh(async (feed) => {
      const heard = listen(feed, KEY);
      await publishUntil(feed, growthOf(KEY, 1234), () => heard.length > 0);
      for (const growth of heard) expect(growth).toEqual({ ...KEY, logId: LOG_ID, end: 1234 });
    }),
  );

  it(
    "announces that a session was deleted",
    fresh(async (feed) => {
      const heard = listen(feed, KEY);
      await publishUntil(feed, { ...KEY, logId: null, end: 0 }, () => heard.length > 0);
      expect(heard[0]).toMatchObject({ logId: null, end: 0 });
    }),
  );

  it(
    "keeps the order of one publisher and makes nothing up",
    fresh(async (feed) => {
      const heard = listen(feed, KEY);
      for (let end = 1; end <= 200; end++) feed.publish(growthOf(KEY, end));
      await publishUntil(feed, growthOf(KEY, 201), () => heard.at(-1)?.end === 201);
      const ends = heard.map((growth) => growth.end);
      expect(ends).toEqual(ends.toSorted((a, b) => a - b));
      expect(ends.every((end) => Number.isInteger(end) && end >= 1 && end <= 201)).toBe(true);
    }),
  );

  it(
    "never hears about another session, however alike the names are",
    fresh(async (feed) => {
      const heard = listen(feed, KEY);
      const others = [
        { project: "a-b", session: "c" },
        { project: "a", session: "b" },
        { project: "a", session: "c" },
        { project: "a", session: "b-c-d" },
        { project: "b-c", session: "a" },
        { project: "b", session: "b-c" },
      ];
      for (const key of others) {
        const heardThere = listen(feed, key);
        await publishUntil(feed, growthOf(key, 7), () => heardThere.length > 0);
      }
      await publishUntil(feed, growthOf(KEY, 9), () => heard.length > 0);
      expect(heard.every((growth) => growth.session === "b-c" && growth.end === 9)).toBe(true);
    }),
  );

  it(
    "never throws when nobody listens",
    fresh(async (feed) => {
      expect(() => feed.publish(growthOf(KEY, 1))).not.toThrow();
      listen(feed, KEY).stop();
      expect(() => feed.publish(growthOf(KEY, 2))).not.toThrow();
    }),
  );
}

function describeListeners(fresh: Fresh): void {
  it(
    "calls every listener of a session until its function is called",
    fresh(async (feed) => {
      const first = listen(feed, KEY);
      const second = listen(feed, KEY);
      await publishUntil(feed, growthOf(KEY, 1), () => first.length > 0 && second.length > 0);
      first.stop();
      first.stop();
      const before = first.length;
      await publishUntil(feed, growthOf(KEY, 2), () => second.at(-1)?.end === 2);
      expect(first).toHaveLength(before);
    }),
  );

  it(
    "keeps two subscriptions of one function apart",
    fresh(async (feed) => {
      const ends: number[] = [];
      const listener = (growth: LogGrowth): void => void ends.push(growth.end);
      const stopFirst = feed.subscribe(KEY, listener);
      const stopSecond = feed.subscribe(KEY, listener);
      stopFirst();
      await publishUntil(feed, growthOf(KEY, 1), () => ends.length > 0);
      stopSecond();
      const witness = listen(feed, KEY);
      await publishUntil(feed, growthOf(KEY, 2), () => witness.length > 0);
      expect(ends).not.toContain(2);
    }),
  );

  it(
    "lets others hear when one throws, and publish does not throw",
    fresh(async (feed) => {
      const before = listen(feed, KEY);
      feed.subscribe(KEY, () => {
        throw new Error("a listener that fails");
      });
      const behind = listen(feed, KEY);
      await publishUntil(feed, growthOf(KEY, 1), () => before.length > 0 && behind.length > 0);
    }),
  );

  it(
    "lets listeners come and go while they are called",
    fresh(async (feed) => {
      const late: LogGrowth[] = [];
      let calls = 0;
      const stop = feed.subscribe(KEY, () => {
        calls += 1;
        stop();
        feed.subscribe(KEY, (growth) => late.push(growth));
      });
      const witness = listen(feed, KEY);
      await publishUntil(feed, growthOf(KEY, 1), () => calls > 0 && witness.length > 0);
      await publishUntil(feed, growthOf(KEY, 2), () => late.some((growth) => growth.end === 2));
      expect(calls).toBe(1);
    }),
  );

  it(
    "can be subscribed to again after the last listener has gone",
    fresh(async (feed) => {
      for (let end = 1; end <= 50; end++) {
        const heard = listen(feed, KEY);
        await publishUntil(feed, growthOf(KEY, end), () => heard.at(-1)?.end === end);
        heard.stop();
      }
    }),
  );
}

/** What is heard about `key`, with a function that ends the listening. */
function listen(feed: LiveFeed, key: SessionKey): LogGrowth[] & { stop: () => void } {
  const heard: LogGrowth[] = [];
  const stop = feed.subscribe(key, (growth) => heard.push(growth));
  return Object.assign(heard, { stop });
}

async function publishUntil(
  feed: LiveFeed,
  growth: LogGrowth,
  heard: () => boolean,
): Promise<void> {
  const publishAndLook = (): boolean => {
    feed.publish(growth);
    return heard();
  };
  await waitFor(publishAndLook, { what: `growth to ${growth.end} to be heard` });
}

function growthOf(key: SessionKey, end: number): LogGrowth {
  return { ...key, logId: LOG_ID, end };
}
