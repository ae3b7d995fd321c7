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
    // OpenAI: chat completions, then responses
    [
      {
        prompt_tokens: 10,
        completion_tokens: 20,
        total_tokens: 30,
        prompt_tokens_details: { cached_tokens: 4, audio_tokens: 0 },
        completion_tokens_details: { reasoning_tokens: 5 },
      },
      {
        inputTokens: 10,
        outputTokens: 20,
        totalTokens: 30,
        reasoningTokens: 5,
        cachedInputTokens: 4,
      },
    ],
    [
      {
        input_tokens: 10,
        input_tokens_details: { cached_tokens: 4 },
        output_tokens: 20,
        output_tokens_details: { reasoning_tokens: 5 },
        total_tokens: 30,
      },
      {
        inputTokens: 10,
        outputTokens: 20,
        totalTokens: 30,
        reasoningTokens: 5,
        cachedInputTokens: 4,
      },
    ],
    // LangChain
    [
      {
        input_tokens: 10,
        output_tokens: 20,
        total_tokens: 30,
        input_token_details: { cache_read: 4, cache_creation: 6 },
        output_token_details: { reasoning: 5 },
      },
      {
        inputTokens: 10,
        outputTokens: 20,
        totalTokens: 30,
        reasoningTokens: 5,
        cachedInputTokens: 4,
        cacheWriteInputTokens: 6,
      },
    ],
    // the AI SDK: v6, then what its providers give
    [
      {
        inputTokens: 10,
        outputTokens: 20,
        inputTokenDetails: { cacheReadTokens: 4, cacheWriteTokens: 6 },
        outputTokenDetails: { textTokens: 15, reasoningTokens: 5 },
      },
      {
        inputTokens: 10,
        outputTokens: 20,
        totalTokens: 30,
        reasoningTokens: 5,
        cachedInputTokens: 4,
        cacheWriteInputTokens: 6,
      },
    ],
    [
      {
        inputTokens: { total: 10, cacheRead: 4, cacheWrite: 6 },
        outputTokens: { total: 20, reasoning: 5 },
      },
      {
        inputTokens: 10,
        outputTokens: 20,
        totalTokens: 30,
        reasoningTokens: 5,
        cachedInputTokens: 4,
        cacheWriteInputTokens: 6,
      },
    ],
    // Bedrock; pydantic-ai
    [
      { inputTokens: 1, outputTokens: 2, cacheReadInputTokens: 3, cacheWriteInputTokens: 4 },
      {
        inputTokens: 1,
        outputTokens: 2,
        totalTokens: 3,
        cachedInputTokens: 3,
        cacheWriteInputTokens: 4,
      },
    ],
    [
      {
        input_tokens: 1,
        output_tokens: 2,
        cache_read_tokens: 3,
        cache_write_tokens: 4,
        details: { reasoning_tokens: 5 },
      },
      {
        inputTokens: 1,
        outputTokens: 2,
        totalTokens: 3,
        reasoningTokens: 5,
        cachedInputTokens: 3,
        cacheWriteInputTokens: 4,
      },
    ],
    [{ inputTokens: -1, outputTokens: 1.5, totalTokens: "7", other: 1 }, null],
    [{}, null],
    [[], null],
    ["much", null],
    [undefined, null],
  ])("of a terminal is read by whatever names it has: %j", (usage, expected) => {
    expect(usageOf({ type: "RUN_FINISHED", usage })).toEqual(expected);
    expect(usageOf({ type: "RUN_FINISHED", result: { usage } })).toEqual(expected);
    expect(usageOf({ type: "RUN_FINISHED", result: { usage_metadata: usage } })).toEqual(expected);
    expect(usageOf({ type: "RUN_FINISHED", result: { totalUsage: usage } })).toEqual(expected);
    for (const name of ["token-usage", "usage", "tokenUsage", "usage_metadata", "usageMetadata"])
      expect(usageOf({ type: "CUSTOM", name, value: usage })).toEqual(expected);
    expect(usageOf({ type: "CUSTOM", name: "usage", value: { usage, model: "m" } })).toEqual(
      expected,
    );
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
