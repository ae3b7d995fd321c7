import { expect, it } from "vitest";
import type { Message } from "../../../../src/core/profile/mend-message.ts";
import { snapshotInTurns, snapshotOf } from "../../../../src/core/profile/told-messages.ts";
import { createLoopTurns, type LoopTurns } from "../../../../src/stream/loop-turns.ts";
import { tellLog } from "../../../support/told-log.ts";

/** Turns that count how often work has asked for one. */
function countedTurns(): LoopTurns & { readonly count: number } {
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
  const turns = createLoopTurns({ turnMs: 1, now: () => (now += 1) });
  let ticks = 0;
  const timer = setInterval(() => (ticks += 1), 0);
  try {
    await tellLog(history(50), { dialect: "1.0", turns });
  } finally {
    clearInterval(timer);
  }
  expect(ticks).toBeGreaterThan(10);
});

it("writes the same snapshot in turns as at once", async () => {
  const many = Array.from({ length: 100 }, (_, at): Message => ({
    id: `m${at}`,
    role: "user",
    content: `"é" ${at}`,
  }));
  const odd: Message = { id: "a", role: "activity", activityType: "PLAN", content: [1] };
  for (const messages of [[], many, [...many, odd]]) {
    const turns = countedTurns();
    const written = await snapshotInTurns(messages, turns);
    expect(written.map(({ bytes }) => bytes)).toEqual(
      snapshotOf(messages).map(({ bytes }) => bytes),
    );
    expect(turns.count).toBeGreaterThanOrEqual(messages.length / 16);
  }
});
