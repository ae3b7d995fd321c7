import { describe, expect, it } from "vitest";
import type { LiveFeed, LogGrowth } from "../../src/ports/live-feed.ts";
import type { SessionKey } from "../../src/ports/log-store.ts";
import { waitFor } from "./wait-for.ts";
import { withHarness } from "./with-harness.ts";

export interface LiveFeedHarness {
  readonly feed: LiveFeed;
  /** The feed of another process that hears this one, or null where there is no such thing. */
  readonly other: LiveFeed | null;
  dispose(): Promise<void>;
}

export interface LiveFeedContractOptions {
  /** Makes a feed that nobody else publishes to: called once for each test. */
  readonly create: () => Promise<LiveFeedHarness>;
}

type Fresh = (
  body: (feed: LiveFeed, other: LiveFeed | null) => Promise<void>,
) => () => Promise<void>;

const KEY: SessionKey = { project: "a", session: "b-c" };
const LOG_ID = "0123456789abcdef";

/**
 * Defines the tests that every LiveFeed passes. A feed may lose announcements, so each test goes on
 * publishing until what it waits for has been heard.
 */
export function liveFeedContract(name: string, options: LiveFeedContractOptions): void {
  const fresh: Fresh = (body) => () =>
    withHarness(options.create, ({ feed, other }) => body(feed, other));
  describe(`LiveFeed contract: ${name}`, () => {
    describeHearing(fresh);
    describeListeners(fresh);
    describeOthers(fresh);
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
      const after = listen(feed, KEY);
      await publishUntil(feed, growthOf(KEY, 1), () => before.length > 0 && after.length > 0);
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

function describeOthers(fresh: Fresh): void {
  it(
    "calls a listener for what comes from here by the time that publish returns",
    fresh(async (feed) => {
      for (const from of ["here", "anywhere"] as const) {
        const heard = listen(feed, KEY, from);
        feed.publish(growthOf(KEY, 5));
        expect(heard.at(-1)).toEqual(growthOf(KEY, 5));
        heard.stop();
      }
    }),
  );

  it(
    "hears other processes from anywhere and not from here, or says that it hears none",
    fresh(async (feed, other) => {
      if (other === null) {
        expect(feed.hearsOthers).toBe(false);
        return;
      }
      await waitFor(() => feed.hearsOthers && other.hearsOthers, { what: "feeds that are heard" });
      const anywhere = listen(feed, KEY);
      const here = listen(feed, KEY, "here");
      await publishUntil(other, growthOf(KEY, 3), () => anywhere.length > 0);
      await publishUntil(other, { ...KEY, logId: null, end: 0 }, () => anywhere.at(-1)?.end === 0);
      expect(anywhere[0]).toEqual(growthOf(KEY, 3));
      expect(anywhere.at(-1)).toEqual({ ...KEY, logId: null, end: 0 });
      expect(here).toHaveLength(0);
    }),
  );

  it(
    "hears the last of many positions elsewhere, in order, and nothing made up",
    fresh(async (feed, other) => {
      const publisher = other ?? feed;
      const heard = listen(feed, KEY);
      await publishUntil(publisher, growthOf(KEY, 1), () => heard.length > 0);
      for (let end = 2; end <= 500; end++) publisher.publish(growthOf(KEY, end));
      await waitFor(() => heard.at(-1)?.end === 500, { what: "the last position" });
      const ends = heard.map(({ end }) => end);
      expect(ends).toEqual(ends.toSorted((a, b) => a - b));
      expect(heard.every(({ logId }) => logId === LOG_ID)).toBe(true);
    }),
  );

  it(
    "keeps sessions apart whose names are alike, also between processes",
    fresh(async (feed, other) => {
      const publisher = other ?? feed;
      const names = ["A1", "a1", "-a1", "x-a1", "a.b", "a:b", "a_b", "~", "@", "a".repeat(128)];
      const heard = names.map((session) => listen(feed, { project: "p", session }));
      for (const [i, session] of names.entries()) {
        const growth = growthOf({ project: "p", session }, i + 1);
        await publishUntil(publisher, growth, () => (heard[i]?.length ?? 0) > 0);
      }
      for (const [i, session] of names.entries())
        for (const growth of heard[i] ?? [])
          expect(growth).toEqual(growthOf({ project: "p", session }, i + 1));
    }),
  );
}

/** What is heard about `key`, with a function that ends the listening. */
function listen(
  feed: LiveFeed,
  key: SessionKey,
  from: "here" | "anywhere" = "anywhere",
): LogGrowth[] & { stop: () => void } {
  const heard: LogGrowth[] = [];
  const stop = feed.subscribe(key, (growth) => heard.push(growth), { from });
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
