import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { align } from "../../../../src/ui/compare/align.ts";
import { RunItems } from "../../../../src/ui/compare/run-items.ts";

describe("two lists side by side", () => {
  it("keep their order, and have as many pairs as can be", () => {
    const list = fc.array(fc.constantFrom("a", "b", "c"), { maxLength: 6 });
    fc.assert(
      fc.property(list, list, (left, right) => {
        const pairs = align(left, right, (item) => item);
        expect(pairs.flatMap((pair) => pair.left ?? [])).toEqual(left);
        expect(pairs.flatMap((pair) => pair.right ?? [])).toEqual(right);
        const both = pairs.filter((pair) => pair.left !== null && pair.right !== null);
        for (const pair of both) expect(pair.left).toBe(pair.right);
        expect(both).toHaveLength(longestCommon(left, right));
      }),
    );
  });
});

describe("what happened in a run", () => {
  const events = [
    { type: "RUN_STARTED", runId: "r" },
    { type: "TEXT_MESSAGE_START", messageId: "m", role: "assistant" },
    { type: "TEXT_MESSAGE_CONTENT", messageId: "m", delta: "Hello, " },
    { type: "TOOL_CALL_START", toolCallId: "t", toolCallName: "look" },
    { type: "TEXT_MESSAGE_CONTENT", messageId: "m", delta: "world" },
    { type: "TOOL_CALL_ARGS", toolCallId: "t", delta: '{"at":1}' },
    { type: "TOOL_CALL_RESULT", toolCallId: "t", messageId: "x", content: "42" },
    { type: "CUSTOM", name: "note", value: { a: 1 } },
    { type: "RUN_ERROR", message: "broke", code: "bad" },
  ];

  it("is one item for each message and call, whatever came between its events", () => {
    const items = new RunItems(10);
    for (const event of events) items.add(event);
    expect(items.items).toEqual([
      { kind: "message", label: "assistant", text: "Hello, world", result: null },
      { kind: "tool", label: "look", text: '{"at":1}', result: "42" },
      { kind: "custom", label: "note", text: '{"a": 1}', result: null },
      { kind: "error", label: "bad", text: "broke", result: null },
    ]);
    expect(items.isCut).toBe(false);
  });

  it("is bounded in number and in length", () => {
    const items = new RunItems(2);
    for (let index = 0; index < 10_000; index += 1) {
      items.add({ type: "TEXT_MESSAGE_CONTENT", messageId: "m", delta: "x".repeat(1_000) });
      items.add({ type: "CUSTOM", name: index, value: "y".repeat(1_000) });
    }
    expect(items.items).toHaveLength(2);
    expect(items.isCut).toBe(true);
    expect(items.items[0]?.text.length).toBe(4_001);
  });
});

function longestCommon(left: readonly string[], right: readonly string[]): number {
  const [first, ...rest] = left;
  if (first === undefined) return 0;
  const at = right.indexOf(first);
  const without = longestCommon(rest, right);
  return at === -1 ? without : Math.max(without, 1 + longestCommon(rest, right.slice(at + 1)));
}
