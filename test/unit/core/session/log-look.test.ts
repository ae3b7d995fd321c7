import { describe, expect, it, onTestFinished } from "vitest";
import { createMemoryLiveFeed, createMemoryLogStore } from "../../../../adapters/memory/index.ts";
import { factsOfLine } from "../../../../src/core/model/server-events.ts";
import type { Session } from "../../../../src/core/session/session.ts";
import { type Sessions } from "../../../../src/core/session/session-registry.ts";
import type { LiveFeed, SubscribeOptions } from "../../../../src/ports/live-feed.ts";
import type { LogStore } from "../../../../src/ports/log-store.ts";
import { utf8 } from "../../../contract/bytes.ts";
import { finishedEvent, startedEvent } from "../../../contract/session-routes/harness.ts";
import { createManualClock } from "../../../support/manual-clock.ts";
import { sessionsOf } from "../../../support/session-registry.ts";

const KEY = { project: "p", session: "s" };

/** The sessions of two processes on one store, each of which hears itself only. */
function twoProcesses() {
  const store = createMemoryLogStore();
  const clock = createManualClock();
  const asked = { times: 0 };
  const counting: LogStore = {
    ...store,
    stat(key) {
      asked.times++;
      return store.stat(key);
    },
  };
  const subscribed: (SubscribeOptions["from"] | "ended")[] = [];
  const memory = createMemoryLiveFeed();
  const hearing = { others: false };
  const feed: LiveFeed = {
    get hearsOthers() {
      return hearing.others;
    },
    publish: (growth) => memory.publish(growth),
    subscribe(key, listener, options) {
      subscribed.push(options?.from);
      const stop = memory.subscribe(key, listener, options);
      return () => {
        subscribed.push("ended");
        stop();
      };
    },
  };
  const open = (ownStore: LogStore, ownFeed: LiveFeed): Sessions =>
    sessionsOf(ownStore, { feed: ownFeed, clock });
  const owner = open(store, createMemoryLiveFeed()).use(KEY).session;
  const viewers = open(counting, feed);

  /** How often the store is asked in so many seconds. */
  async function asksIn(seconds: number): Promise<number> {
    const before = asked.times;
    for (let i = 0; i < seconds; i++) {
      clock.advance(1_000);
      await viewers.refreshWaiting();
    }
    return asked.times - before;
  }
  return { owner, viewers, hearing, subscribed, asksIn };
}

async function append(session: Session, event: string): Promise<void> {
  const logId = await session.loadOrCreate();
  const line = utf8(`${event}\n`);
  await session.append({ lines: [line], events: [factsOfLine(line)] }, { logId });
  await session.save();
}

/** A viewer that waits for the log to grow, again and again. */
function watch(sessions: Sessions): { session: Session; stop: () => void } {
  const use = sessions.use(KEY);
  const leaving = new AbortController();
  const unwatch = use.session.log.watch();
  void (async () => {
    while (!leaving.signal.aborted) await use.session.log.grown(leaving.signal);
  })();
  const stop = (): void => {
    leaving.abort();
    unwatch();
    use.release();
  };
  onTestFinished(stop);
  return { session: use.session, stop };
}

describe("the look of waiting readers at the store", () => {
  it("comes every second while another process has a run open, else every five", async () => {
    const { owner, viewers, asksIn } = twoProcesses();
    await append(owner, startedEvent("r1"));
    const { session } = watch(viewers);
    await session.find();
    expect(await asksIn(10)).toBe(10);
    await append(owner, finishedEvent("r1"));
    expect(await asksIn(1)).toBe(1);
    expect(session.log.position).toEqual(owner.log.position);
    expect(await asksIn(20)).toBe(4);
    await append(owner, startedEvent("r2"));
    expect(await asksIn(5)).toBe(1);
    expect(await asksIn(5)).toBe(5);
  });

  it("comes every five seconds where others are heard, once more when they are heard again, and once for a new viewer", async () => {
    const { owner, viewers, hearing, asksIn } = twoProcesses();
    await append(owner, startedEvent("r1"));
    hearing.others = true;
    const { session, stop } = watch(viewers);
    await session.find();
    expect(await asksIn(1)).toBe(1);
    expect(await asksIn(10)).toBe(2);
    hearing.others = false;
    expect(await asksIn(10)).toBeGreaterThanOrEqual(8);
    hearing.others = true;
    expect(await asksIn(1)).toBe(1);
    expect(await asksIn(4)).toBe(0);
    stop();
    expect(await asksIn(6)).toBe(0);
    watch(viewers);
    expect(await asksIn(1)).toBe(1);
  });

  it("comes every five seconds for a run that this process has open itself", async () => {
    const { viewers, asksIn } = twoProcesses();
    const { session } = watch(viewers);
    await append(session, startedEvent("r1"));
    await asksIn(1);
    expect(await asksIn(10)).toBe(2);
  });
});

describe("the announcements of other processes", () => {
  it("are subscribed to while a session is watched", () => {
    const { viewers, subscribed } = twoProcesses();
    const first = watch(viewers);
    const second = watch(viewers);
    expect(subscribed).toEqual(["here", "anywhere"]);
    first.stop();
    expect(subscribed).toEqual(["here", "anywhere"]);
    second.stop();
    // nobody uses a session without a log any more: that ends the other subscription as well
    expect(subscribed).toEqual(["here", "anywhere", "ended", "ended"]);
  });
});
