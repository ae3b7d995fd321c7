import { describe, expect, it } from "vitest";
import { createByteBudget } from "../../../../src/stream/sync/byte-budget.ts";
import { tellNow } from "../../../support/told-log.ts";

const line = (event: Record<string, unknown>): string => JSON.stringify(event);
const started = line({ type: "RUN_STARTED", threadId: "s1", runId: "r" });
const text = (id: string, delta: string): string =>
  line({ type: "TEXT_MESSAGE_CHUNK", messageId: id, role: "assistant", delta });
const state = line({ type: "STATE_SNAPSHOT", snapshot: { n: 1 } });

async function now(...given: Parameters<typeof tellNow>): Promise<unknown> {
  return JSON.parse(await tellNow(...given));
}

describe("a session as JSON", () => {
  it("keeps the text of numbers", async () => {
    const numbers = '{"big":12345678901234567890,"one":1.0}';
    const told = await tellNow([started, `{"type":"STATE_SNAPSHOT","snapshot":${numbers}}`]);
    expect(told).toMatch(
      `{"threadId":"t","messages":[],"state":${numbers},"activeRun":null,"waitingRuns":[],"interrupts":[],"cursor":"`,
    );
  });

  it("says that there is no room for its messages, and the rest of it", async () => {
    const lines = [started, state, text("a", "x".repeat(100_000)), text("b", "y")];
    expect(await now(lines, createByteBudget(64 * 1024))).toMatchObject({
      messages: null,
      state: { n: 1 },
      incomplete: true,
    });
  });

  it("says that something is missing where an event is too large to be read", async () => {
    const huge = "x".repeat(11 * 1024 * 1024);
    const result = { type: "TOOL_CALL_RESULT", messageId: "r", toolCallId: "t", content: huge };
    const lines = [started, text("a", "x"), line(result), state];
    expect(await now(lines)).toMatchObject({
      messages: [{ id: "a", role: "assistant", content: "x" }],
      state: { n: 1 },
      incomplete: true,
    });
    const large = line({ type: "STATE_SNAPSHOT", snapshot: { huge } });
    expect(await now([started, state, large])).toMatchObject({ state: null, incomplete: true });
    expect(await now([started, large, state])).not.toHaveProperty("incomplete");
  });

  it("is of the state that a run was posted with, unless that was left out", async () => {
    const input = (value: unknown): string =>
      line({ type: "CUSTOM", name: "runlog:run-input", threadId: "s1", runId: "r", value });
    const posted = await now([input({ state: { of: "r" } }), started]);
    expect(posted).toMatchObject({ state: { of: "r" } });
    const lost = await now([state, input({ leftOut: ["state"] }), started]);
    expect(lost).toMatchObject({ state: null, incomplete: true });
  });
});
