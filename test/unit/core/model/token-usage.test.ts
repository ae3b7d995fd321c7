import { describe, expect, it } from "vitest";
import { addUsage, usageOf } from "../../../../src/core/model/token-usage.ts";

describe("the usage of tokens", () => {
  it.each([
    [
      { inputTokens: 1, outputTokens: 2 },
      { inputTokens: 1, outputTokens: 2, totalTokens: 3 },
    ],
    [
      { inputTokens: 1, totalTokens: 9 },
      { inputTokens: 1, totalTokens: 9 },
    ],
    [
      [{ model: "a", inputTokens: 1 }, { model: "b", inputTokens: 2, reasoningTokens: 4 }, null],
      { inputTokens: 3, reasoningTokens: 4 },
    ],
    [
      { prompt_tokens: 3, completion_tokens: 4, total_tokens: 8 },
      { inputTokens: 3, outputTokens: 4, totalTokens: 8 },
    ],
    [
      { input_tokens: 1, cache_creation_input_tokens: 2, cache_read_input_tokens: 3 },
      { inputTokens: 1, cachedInputTokens: 3, cacheWriteInputTokens: 2 },
    ],
    [
      { promptTokenCount: 1, candidatesTokenCount: 2, thoughtsTokenCount: 3 },
      { inputTokens: 1, outputTokens: 2, totalTokens: 3, reasoningTokens: 3 },
    ],
    [{ inputTokens: -1, outputTokens: 1.5, totalTokens: "7", other: 1 }, null],
    [{}, null],
    [[], null],
    ["much", null],
    [undefined, null],
  ])("of a terminal is read by whatever names it has: %j", (usage, expected) => {
    expect(usageOf({ type: "RUN_FINISHED", usage })).toEqual(expected);
    expect(usageOf({ type: "RUN_FINISHED", result: { usage } })).toEqual(expected);
    expect(usageOf({ type: "CUSTOM", name: "token-usage", value: usage })).toEqual(expected);
  });

  it("is the terminal's own before that of its result, and of no other CUSTOM event", () => {
    const [usage, other] = [{ inputTokens: 1 }, { inputTokens: 2 }];
    expect(usageOf({ type: "RUN_ERROR", usage, result: { usage: other } })).toEqual(usage);
    expect(usageOf({ type: "CUSTOM", name: "disk-usage", value: usage })).toBeNull();
    expect(usageOf({ type: "CUSTOM", name: null, value: usage })).toBeNull();
  });

  it("is added kind by kind, within what a number can count", () => {
    expect(addUsage(null, null)).toBeNull();
    expect(addUsage({ inputTokens: 1 }, null)).toEqual({ inputTokens: 1 });
    expect(addUsage({ inputTokens: 1 }, { inputTokens: 2, outputTokens: 3 })).toEqual({
      inputTokens: 3,
      outputTokens: 3,
    });
    const most = { totalTokens: Number.MAX_SAFE_INTEGER };
    expect(addUsage(most, most)).toEqual(most);
  });
});
