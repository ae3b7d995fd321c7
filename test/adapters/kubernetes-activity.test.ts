import { describe, expect, it } from "vitest";
import { createActivity } from "../../adapters/kubernetes/activity.ts";
import type { Api, ApiRequest } from "../../adapters/kubernetes/api.ts";
import { apiFailure } from "../../adapters/kubernetes/failure.ts";
import type { SessionKey } from "../../src/ports/log-store.ts";
import { nextTurn } from "../contract/wait-for.ts";
import { createManualClock } from "../support/manual-clock.ts";

const KEY: SessionKey = { project: "p", session: "s" };
const START_MS = Date.parse("2026-01-01T00:00:00Z");

/** An activity whose writes stay under way until the test answers them, in their order. */
function start() {
  const clock = createManualClock(START_MS);
  const written: string[] = [];
  const underWay: PromiseWithResolvers<unknown>[] = [];
  const api: Api = {
    json<T>({ body }: ApiRequest): Promise<T> {
      const { status } = body as { status: { lastActivityTime: string } };
      written.push(status.lastActivityTime.slice(11, 19));
      const answer = Promise.withResolvers<unknown>();
      underWay.push(answer);
      return answer.promise as Promise<T>;
    },
    read: () => Promise.reject(new Error("nothing is read")),
    follow: () => Promise.reject(new Error("nothing is followed")),
  };
  const logger = { info: () => {}, warn: () => {}, error: () => {} };
  const activity = createActivity({ api, clock, logger });
  const succeed = async (): Promise<void> => {
    underWay.shift()?.resolve({});
    await nextTurn();
  };
  const fail = async (reason: "NotFound" | "Other" = "Other"): Promise<void> => {
    underWay.shift()?.reject(apiFailure(reason, { isCaller: false }));
    await nextTurn();
  };
  return { activity, clock, written, succeed, fail };
}

describe("kubernetes activity", () => {
  it("is written at once, and then every 10 s as long as something happens", async () => {
    const { activity, clock, written, succeed } = start();
    activity.note(KEY, false);
    expect(written).toEqual(["00:00:00"]);
    await succeed();
    for (let second = 1; second <= 9; second++) {
      clock.advance(1_000);
      activity.note(KEY, false);
    }
    expect(written).toHaveLength(1);
    clock.advance(1_000);
    // of the last that happened, not of the writing
    expect(written).toEqual(["00:00:00", "00:00:09"]);
    await succeed();
    clock.advance(60_000);
    expect(written).toHaveLength(2);
    expect(clock.pending).toBe(0);
  });

  it("is written at once when a run starts, whatever the interval", async () => {
    const { activity, clock, written, succeed } = start();
    activity.note(KEY, false);
    await succeed();
    clock.advance(1_000);
    activity.note(KEY, true);
    expect(written).toEqual(["00:00:00", "00:00:01"]);
  });

  it("that happens during a write is written in the next interval, and never twice at once", async () => {
    const { activity, clock, written, succeed } = start();
    activity.note(KEY, true);
    clock.advance(2_000);
    activity.note(KEY, true);
    expect(written).toHaveLength(1);
    await succeed();
    clock.advance(10_000);
    expect(written).toEqual(["00:00:00", "00:00:02"]);
  });

  it("is tried again sooner than the interval after a failure, later and later, with its own time", async () => {
    const { activity, clock, written, fail, succeed } = start();
    activity.note(KEY, false);
    for (const waitMs of [1_000, 2_000, 4_000, 8_000, 10_000, 10_000]) {
      const before = written.length;
      await fail();
      clock.advance(waitMs - 1);
      expect(written).toHaveLength(before);
      clock.advance(1);
      expect(written).toHaveLength(before + 1);
    }
    expect(new Set(written)).toEqual(new Set(["00:00:00"]));
    await succeed();
    clock.advance(10_000);
    expect(clock.pending).toBe(0);
  });

  it("of a session that is gone is forgotten", async () => {
    const { activity, clock, written, fail } = start();
    activity.note(KEY, false);
    activity.note(KEY, false);
    await fail("NotFound");
    expect(clock.pending).toBe(0);
    expect(written).toHaveLength(1);
  });

  it("has at most 50 writes in flight, and loses none of the others", async () => {
    const { activity, clock, written, succeed } = start();
    for (let i = 0; i < 80; i++) activity.note({ project: "p", session: `s-${i}` }, true);
    expect(written).toHaveLength(50);
    for (let i = 0; i < 50; i++) await succeed();
    clock.advance(1_000);
    expect(written).toHaveLength(80);
  });

  it("is written before it closes, but closing does not wait for ever, and nothing is written after", async () => {
    const { activity, clock, written, succeed } = start();
    activity.note(KEY, false);
    await succeed();
    clock.advance(1_000);
    activity.note(KEY, false);
    const closed = activity.close();
    await nextTurn();
    expect(written).toHaveLength(2);
    clock.advance(3_000);
    await closed;
    activity.note(KEY, true);
    clock.advance(60_000);
    expect(written).toHaveLength(2);
    expect(clock.pending).toBe(0);
  });
});
