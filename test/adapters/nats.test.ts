import * as fc from "fast-check";
import { describe, expect, it, onTestFinished } from "vitest";
import { createNatsLiveFeed, type NatsLiveFeed } from "../../adapters/nats/index.ts";
import { systemClock } from "../../src/entry/system-clock.ts";
import type { LogGrowth } from "../../src/ports/live-feed.ts";
import { liveFeedContract } from "../contract/live-feed.ts";
import { createFakeNats, type FakeNats } from "../support/fake-nats.ts";
import { createManualClock, type ManualClock } from "../support/manual-clock.ts";
import { waitFor } from "../support/wait-for.ts";

const silent = { info() {}, warn() {} };
const KEY = { project: "p", session: "s" };
const LOG_ID = "0123456789abcdef";

liveFeedContract("NATS, with a server within the process", {
  async create() {
    const nats = createFakeNats();
    const open = () =>
      createNatsLiveFeed({ connect: nats.connect, clock: systemClock, logger: silent });
    const [feed, other] = [open(), open()];
    return {
      feed,
      other,
      async dispose() {
        await feed.close();
        await other.close();
      },
    };
  },
});

interface Opened {
  readonly nats: FakeNats;
  readonly feed: NatsLiveFeed;
  readonly clock: ManualClock;
  /** What was logged, as `<level> <event>`. */
  readonly logged: readonly string[];
}

/** A feed whose time stands still, connected unless `isAway`. */
async function opened(isAway = false): Promise<Opened> {
  const nats = createFakeNats();
  if (isAway) nats.stop();
  const clock = createManualClock();
  const logged: string[] = [];
  const log = (level: string) => (event: string) => void logged.push(`${level} ${event}`);
  const logger = { info: log("info"), warn: log("warn") };
  const feed = createNatsLiveFeed({ connect: nats.connect, clock, logger });
  onTestFinished(async () => {
    nats.start();
    await feed.close();
  });
  await waitFor(() => (isAway ? feed.counts.outages > 0 : feed.hearsOthers));
  return { nats, feed, clock, logged };
}

function growthTo(end: number, key = KEY): LogGrowth {
  return { ...key, logId: LOG_ID, end };
}

/** Lets what was sent arrive. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await Promise.resolve();
}

describe("what a NATS feed sends", () => {
  it("is one position a session in 20 ms, the first at once and the last always", async () => {
    const { nats, feed, clock } = await opened();
    for (let end = 1; end <= 100; end++) feed.publish(growthTo(end));
    await settled();
    expect(nats.taken).toEqual([`runlog.p.s ${LOG_ID} 1`]);
    clock.advance(19);
    feed.publish(growthTo(101));
    await settled();
    expect(nats.taken).toHaveLength(1);
    clock.advance(1);
    await settled();
    expect(nats.taken).toEqual([`runlog.p.s ${LOG_ID} 1`, `runlog.p.s ${LOG_ID} 101`]);
    clock.advance(40);
    expect(clock.pending).toBe(0);
    feed.publish({ ...KEY, logId: null, end: 0 });
    await settled();
    expect(nats.taken.at(-1)).toBe("runlog.p.s - 0");
  });

  it("does not hold one session up for another, and names each by its label", async () => {
    const { nats, feed } = await opened();
    feed.publish(growthTo(1, { project: "p", session: "A.1" }));
    feed.publish(growthTo(2, { project: "p", session: "b" }));
    await settled();
    expect(nats.taken[0]).toMatch(/^runlog\.p\.x-a-21--[0-9a-f]{8} /);
    expect(nats.taken[1]).toBe(`runlog.p.b ${LOG_ID} 2`);
  });

  it("goes out before it is closed", async () => {
    const { nats, feed } = await opened();
    feed.publish(growthTo(1));
    feed.publish(growthTo(2));
    await feed.close();
    expect(nats.taken.at(-1)).toBe(`runlog.p.s ${LOG_ID} 2`);
  });

  it("is at most 4096 messages that the server has not taken; then the last of each session waits", async () => {
    const { nats, feed, clock } = await opened();
    const release = nats.hold();
    const sessions = Array.from({ length: 50 }, (_, i) => ({ project: "p", session: `s${i}` }));
    for (let end = 1; end <= 200; end++) {
      for (const key of sessions) feed.publish(growthTo(end, key));
      clock.advance(20);
    }
    expect(feed.counts.sent).toBe(4_096);
    release();
    await waitFor(() => feed.counts.sent === 4_096 + sessions.length);
    await settled();
    for (const { session } of sessions)
      expect(nats.taken.filter((text) => text.startsWith(`runlog.p.${session} `)).at(-1)).toBe(
        `runlog.p.${session} ${LOG_ID} 200`,
      );
    expect(feed.counts.dropped).toBe(0);
  });
});

describe("a NATS feed that is watched", () => {
  it("subscribes to a session while somebody listens from anywhere", async () => {
    const { nats, feed } = await opened();
    const stopHere = feed.subscribe(KEY, () => {}, { from: "here" });
    expect(nats.subjects).toEqual([]);
    const stops = [feed.subscribe(KEY, () => {}), feed.subscribe(KEY, () => {})];
    expect(nats.subjects).toEqual(["runlog.p.s"]);
    stops[0]?.();
    stops[0]?.();
    expect(nats.subjects).toEqual(["runlog.p.s"]);
    stops[1]?.();
    expect(nats.subjects).toEqual([]);
    stopHere();
  });

  it("ignores and counts what is no position, and says so once", async () => {
    const { nats, feed, logged } = await opened();
    const heard: LogGrowth[] = [];
    feed.subscribe(KEY, (growth) => heard.push(growth));
    const texts = [
      "",
      "x",
      LOG_ID,
      `${LOG_ID} `,
      `${LOG_ID} -1`,
      `${LOG_ID} 1.5`,
      `${LOG_ID} 01`,
      `${LOG_ID} 1e3`,
      `${LOG_ID} 9007199254740992`,
      `${LOG_ID.toUpperCase()} 1`,
      "- 1",
      `{"logId":"${LOG_ID}","end":1}`,
      `${LOG_ID} 1\n`,
      "9".repeat(1_000_000),
    ];
    for (const text of texts) nats.inject("runlog.p.s", text);
    expect(heard).toEqual([]);
    expect(feed.counts.malformed).toBe(texts.length);
    expect(logged).toEqual(["warn live-feed-malformed"]);
    nats.inject("runlog.p.s", `${LOG_ID} 9007199254740991`);
    expect(heard).toEqual([growthTo(Number.MAX_SAFE_INTEGER)]);
  });

  it("never throws for a message, whatever its bytes", async () => {
    const { nats, feed } = await opened();
    const heard: LogGrowth[] = [];
    feed.subscribe(KEY, (growth) => heard.push(growth));
    const position = fc.nat().map((end) => `${LOG_ID} ${end}`);
    const texts = fc.oneof(fc.string(), fc.string({ unit: "binary" }), position);
    fc.assert(
      fc.property(texts, (text) => {
        const before = heard.length;
        nats.inject("runlog.p.s", text);
        for (const { logId, end } of heard.slice(before))
          expect(text).toBe(`${logId ?? "-"} ${end}`);
      }),
    );
  });

  it("says that it hears nobody when the server refuses a subscription", async () => {
    const { nats, feed, logged } = await opened();
    nats.refuseSubscriptions();
    feed.subscribe(KEY, () => {});
    feed.subscribe({ project: "p", session: "t" }, () => {});
    await settled();
    expect(feed.hearsOthers).toBe(false);
    expect(logged).toEqual(["warn live-feed-refused"]);
  });
});

describe("a NATS feed whose server is away", () => {
  it("at the start tries for ever, says so once, and serves its own process meanwhile", async () => {
    const { nats, feed, clock, logged } = await opened(true);
    const heard: LogGrowth[] = [];
    feed.subscribe(KEY, (growth) => heard.push(growth));
    for (let attempt = 0; attempt < 20; attempt++) {
      await settled();
      clock.advance(5_000);
    }
    feed.publish(growthTo(1));
    expect(heard).toEqual([growthTo(1)]);
    expect(feed.hearsOthers).toBe(false);
    expect(logged).toEqual(["warn live-feed-away"]);
    nats.start();
    await waitFor(() => {
      clock.advance(5_000);
      return feed.hearsOthers;
    });
    expect(logged).toEqual(["warn live-feed-away", "info live-feed-back"]);
    await settled();
    expect(nats.taken).toEqual([`runlog.p.s ${LOG_ID} 1`]);
    nats.inject("runlog.p.s", `${LOG_ID} 2`);
    expect(heard.at(-1)).toEqual(growthTo(2));
  });

  it("keeps the last position of 10,000 sessions and forgets the oldest beyond, counted", async () => {
    const { nats, feed, clock } = await opened();
    nats.stop();
    await waitFor(() => !feed.hearsOthers);
    for (let i = 0; i < 10_007; i++)
      for (const end of [1, 2]) feed.publish(growthTo(end, { project: "p", session: `s${i}` }));
    expect(feed.counts.dropped).toBe(7);
    nats.start();
    await waitFor(() => {
      clock.advance(20);
      return nats.taken.length === 10_000;
    });
    expect(nats.taken[0]).toBe(`runlog.p.s7 ${LOG_ID} 2`);
    expect(nats.taken.at(-1)).toBe(`runlog.p.s10006 ${LOG_ID} 2`);
    expect(nats.taken.every((text) => text.endsWith(" 2"))).toBe(true);
  });

  it("says so once an outage, and once that it is back", async () => {
    const { nats, feed, logged } = await opened();
    for (let outage = 1; outage <= 3; outage++) {
      nats.stop();
      nats.stop();
      await waitFor(() => !feed.hearsOthers);
      nats.start();
      await waitFor(() => feed.hearsOthers);
      expect(feed.counts.outages).toBe(outage);
    }
    const once = ["warn live-feed-away", "info live-feed-back"];
    expect(logged).toEqual([...once, ...once, ...once]);
  });

  it("connects anew with all its subscriptions when the library has given up", async () => {
    const { nats, feed, logged } = await opened();
    const heard: LogGrowth[] = [];
    feed.subscribe(KEY, (growth) => heard.push(growth));
    nats.closeAll();
    await waitFor(() => logged.includes("info live-feed-back"));
    expect(nats.subjects).toEqual(["runlog.p.s"]);
    nats.inject("runlog.p.s", `${LOG_ID} 3`);
    expect(heard).toEqual([growthTo(3)]);
  });

  it("can be closed, and then nothing is left that waits", async () => {
    const { feed, clock } = await opened(true);
    feed.publish(growthTo(1));
    await settled();
    await feed.close();
    await feed.close();
    expect(clock.pending).toBe(0);
    expect(() => feed.publish(growthTo(2))).not.toThrow();
  });
});
