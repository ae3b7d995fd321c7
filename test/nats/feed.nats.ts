import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createNatsServer, type NatsServer } from "../../scripts/nats/nats-server.ts";
import { parseConfig } from "../../src/config.ts";
import { openFeed } from "../../src/entry/open-feed.ts";
import { systemClock } from "../../src/entry/system-clock.ts";
import type { LiveFeed, LogGrowth } from "../../src/ports/live-feed.ts";
import { liveFeedContract } from "../contract/index.ts";
import { waitFor } from "../support/wait-for.ts";
import { freshFeed, freshNats } from "./server.ts";

const silent = { info() {}, warn() {}, error() {} };
const KEY = { project: "p", session: "s" };
const LOG_ID = "0123456789abcdef";

let shared: NatsServer;
beforeAll(async () => {
  shared = await createNatsServer();
  await shared.start();
});
afterAll(() => shared.close());

liveFeedContract("NATS", {
  async create() {
    // tests share the server: each has subjects of its own
    const { nats } = parseConfig({
      STORAGE_URL: "s3://bucket",
      RUNLOG_NATS_URL: shared.url,
      RUNLOG_NATS_SUBJECT: crypto.randomUUID(),
    });
    const open = () => openFeed(nats, { clock: systemClock, logger: silent });
    const [own, other] = await Promise.all([open(), open()]);
    return {
      feed: own.feed,
      other: other.feed,
      async dispose() {
        await own.close();
        await other.close();
      },
    };
  },
});

function growthTo(end: number): LogGrowth {
  return { ...KEY, logId: LOG_ID, end };
}

function listen(feed: LiveFeed): LogGrowth[] {
  const heard: LogGrowth[] = [];
  feed.subscribe(KEY, (growth) => heard.push(growth));
  return heard;
}

async function pass(from: LiveFeed, heard: readonly LogGrowth[], end: number): Promise<void> {
  await waitFor(
    () => {
      from.publish(growthTo(end));
      return heard.at(-1)?.end === end;
    },
    { what: `growth to ${end}` },
  );
}

/** How often each event was logged. */
function times(logged: readonly { readonly event: string }[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { event } of logged) counts[event] = (counts[event] ?? 0) + 1;
  return counts;
}

describe("two feeds on a NATS server", () => {
  it("that is restarted under them hear each other again, and say so once an outage", async () => {
    const server = await freshNats();
    const env = { RUNLOG_NATS_URL: server.url };
    const [a, b] = [await freshFeed(env), await freshFeed(env)];
    const heard = listen(b.feed);
    for (let restart = 1; restart <= 3; restart++) {
      await pass(a.feed, heard, restart * 10);
      await server.stop();
      await waitFor(() => !a.feed.hearsOthers && !b.feed.hearsOthers, { what: "an outage" });
      // the last position is kept, and goes out without being published again
      a.feed.publish(growthTo(restart * 10 + 1));
      await server.start();
      await waitFor(() => a.feed.hearsOthers && b.feed.hearsOthers, { what: "NATS to be back" });
      await pass(a.feed, heard, restart * 10 + 2);
      expect(times(a.logged)).toEqual({ "live-feed-away": restart, "live-feed-back": restart });
      expect(times(b.logged)).toEqual({ "live-feed-away": restart, "live-feed-back": restart });
    }
    const ends = heard.map(({ end }) => end);
    expect(ends).toEqual(ends.toSorted((x, y) => x - y));
  });

  it("that is not there at the start hear each other once it is", async () => {
    const server = await freshNats("", true);
    const { feed, logged } = await freshFeed({ RUNLOG_NATS_URL: server.url });
    const heard = listen(feed);
    await waitFor(() => logged.length > 0, { what: "a warning" });
    feed.publish(growthTo(1));
    expect(heard).toEqual([growthTo(1)]);
    await server.start();
    await waitFor(() => feed.hearsOthers, { what: "NATS" });
    const other = await freshFeed({ RUNLOG_NATS_URL: server.url });
    await pass(other.feed, heard, 2);
    expect(times(logged)).toEqual({ "live-feed-away": 1, "live-feed-back": 1 });
    expect(times(other.logged)).toEqual({});
  });

  it("that sleeps neither keep what it does not read nor wait for it, and are left by it", async () => {
    const server = await freshNats();
    const { feed, logged } = await freshFeed({ RUNLOG_NATS_URL: server.url });
    await waitFor(() => feed.hearsOthers, { what: "NATS" });
    server.freeze();
    for (let i = 0; i < 200_000; i++)
      feed.publish({ project: "p", session: `s${i % 20_000}`, logId: LOG_ID, end: i });
    const { counts } = feed as LiveFeed & { counts: { sent: number; dropped: number } };
    expect(counts.sent).toBeLessThanOrEqual(4_096);
    expect(counts.dropped).toBeGreaterThan(0);
    await waitFor(() => !feed.hearsOthers, { what: "the silent server to be left" });
    server.thaw();
    await waitFor(() => feed.hearsOthers, { what: "NATS to be back" });
    expect(times(logged)).toEqual({ "live-feed-away": 1, "live-feed-back": 1 });
  });

  it("hear nothing of a feed under another subject", async () => {
    const server = await freshNats();
    const env = { RUNLOG_NATS_URL: server.url };
    const [a, b] = [await freshFeed(env), await freshFeed(env)];
    const foreign = await freshFeed({ ...env, RUNLOG_NATS_SUBJECT: "another" });
    const [heard, heardByForeign] = [listen(b.feed), listen(foreign.feed)];
    await waitFor(() => foreign.feed.hearsOthers, { what: "NATS" });
    foreign.feed.publish(growthTo(7));
    await pass(a.feed, heard, 8);
    foreign.feed.publish(growthTo(9));
    await pass(a.feed, heard, 10);
    expect(heard.every(({ end }) => end === 8 || end === 10)).toBe(true);
    expect(heardByForeign.every(({ end }) => end === 7 || end === 9)).toBe(true);
  });
});
