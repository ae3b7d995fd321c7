import { expect, it, vi } from "vitest";
import type { Message } from "../../../../src/core/profile/repair/repair-message.ts";
import { snapshotOf } from "../../../../src/core/profile/client-view/pending-messages.ts";
import { createTimeSlicer, type TimeSlicer } from "../../../../src/stream/sync/time-slicer.ts";
import { tellLog } from "../../../support/told-log.ts";

/** Slicers that count how often work has asked for one. */
function countedTurns(): TimeSlicer & { readonly count: number } {
  let count = 0;
  return {
    run(work) {
      count += 1;
      return work();
    },
    get count() {
      return count;
    },
  };
}

function history(deltas: number): string[] {
  const ids = { threadId: "s1", runId: "r" };
  return [
    { type: "RUN_STARTED", ...ids },
    { type: "TEXT_MESSAGE_START", messageId: "m", role: "assistant" },
    ...Array.from({ length: deltas }, () => ({
      type: "TEXT_MESSAGE_CONTENT",
      messageId: "m",
      delta: "x",
    })),
    { type: "TEXT_MESSAGE_END", messageId: "m" },
    { type: "RUN_FINISHED", ...ids },
  ].map((event) => JSON.stringify(event));
}

it.each([false, true])(
  "deals with each line of a history in a turn of the event loop (snapshot: %s)",
  async (snapshot) => {
    const turns = countedTurns();
    const lines = history(100);
    await tellLog(lines, { dialect: "1.0", snapshot, turns });
    expect(turns.count).toBeGreaterThanOrEqual(lines.length);
  },
);

it("lets timers have theirs while it reads a history whose every line takes a whole turn", async () => {
  let now = 0;
  const turns = createTimeSlicer({ turnMs: 1, now: () => (now += 1) });
  let ticks = 0;
  const timer = setInterval(() => (ticks += 1), 0);
  try {
    await tellLog(history(50), { dialect: "1.0", turns });
  } finally {
    clearInterval(timer);
  }
  expect(ticks).toBeGreaterThan(10);
});

it.each([false, true])(
  "deals with a long snapshot of messages in many turns of the event loop (restated: %s)",
  async (snapshot) => {
    let now = 0;
    const clock = vi.spyOn(performance, "now").mockImplementation(() => (now += 1));
    const turns = countedTurns();
    const messages = Array.from({ length: 4_000 }, (_, at): Message => ({
      id: `m${at}`,
      role: "user",
      content: "x".repeat(100),
    }));
    const ids = { threadId: "s1", runId: "r" };
    const lines = [
      { type: "RUN_STARTED", ...ids },
      { type: "MESSAGES_SNAPSHOT", messages },
      { type: "RUN_FINISHED", ...ids },
    ].map((event) => JSON.stringify(event));
    try {
      const body = await tellLog(lines, { dialect: "1.0", snapshot, turns });
      expect(body).toContain(JSON.stringify(messages));
    } finally {
      clock.mockRestore();
    }
    // read, merged and written: a few messages in each
    expect(turns.count).toBeGreaterThan(messages.length / 2);
  },
);

it("closes many open items in many turns of the event loop", async () => {
  let now = 0;
  const clock = vi.spyOn(performance, "now").mockImplementation(() => (now += 1));
  const turns = countedTurns();
  const count = 2_000;
  const opened = Array.from({ length: count }, (_, at) => ({
    type: "TEXT_MESSAGE_START",
    messageId: `m${at}`,
    role: "assistant",
  }));
  const ids = { threadId: "s1", runId: "r" };
  const events = [{ type: "RUN_STARTED", ...ids }, ...opened, { type: "RUN_FINISHED", ...ids }];
  try {
    const lines = events.map((event) => JSON.stringify(event));
    const body = await tellLog(lines, { dialect: "1.0", turns });
    expect(body.match(/TEXT_MESSAGE_END/g)).toHaveLength(count);
  } finally {
    clock.mockRestore();
  }
  expect(turns.count).toBeGreaterThan(events.length + count / 8);
});

it("writes a snapshot message by message", () => {
  const many = Array.from({ length: 100 }, (_, at): Message => ({
    id: `m${at}`,
    role: "user",
    content: `"é" ${at}`,
  }));
  const odd: Message = { id: "a", role: "activity", activityType: "PLAN", content: [1] };
  for (const messages of [[], many, [...many, odd]]) {
    const steps = snapshotOf(messages);
    let count = 0;
    let step = steps.next();
    for (; !step.done; step = steps.next()) count += 1;
    const acceptable = messages.map((message) =>
      message === odd ? { ...message, content: {} } : message,
    );
    const [snapshot] = step.value;
    const text = new TextDecoder().decode(snapshot?.bytes);
    expect(text).toBe(JSON.stringify({ type: "MESSAGES_SNAPSHOT", messages: acceptable }));
    expect(step.value.length - 1).toBe(messages.includes(odd) ? 1 : 0);
    expect(count).toBeGreaterThanOrEqual(messages.length);
  }
});
