import { isObject, type JsonObject } from "./json-fields.ts";

/** Tokens that models took, as the events of runs have them. What nobody said is missing. */
export type TokenUsage = Readonly<Partial<Record<TokenKind, number>>>;

type TokenKind = (typeof TOKEN_KINDS)[number];

/** The members of a usage (AG-UI's `TokenUsage`), in the order in which they are written. */
export const TOKEN_KINDS = [
  "inputTokens",
  "outputTokens",
  "totalTokens",
  "reasoningTokens",
  "cachedInputTokens",
  "cacheWriteInputTokens",
] as const;

/** What else the members are called by frameworks whose own usage ends up in `result` or a CUSTOM event. */
const OTHER_NAMES: Readonly<Record<TokenKind, readonly string[]>> = {
  inputTokens: ["input_tokens", "prompt_tokens", "promptTokens", "promptTokenCount"],
  outputTokens: ["output_tokens", "completion_tokens", "completionTokens", "candidatesTokenCount"],
  totalTokens: ["total_tokens", "totalTokenCount"],
  reasoningTokens: ["reasoning_tokens", "thoughtsTokenCount"],
  cachedInputTokens: ["cached_input_tokens", "cache_read_input_tokens", "cachedContentTokenCount"],
  cacheWriteInputTokens: ["cache_write_input_tokens", "cache_creation_input_tokens"],
};

/** Names of CUSTOM events whose value is a usage. */
const CUSTOM_NAME = /^(token[_-]?)?usage$/i;

/**
 * The usage that an event reports: the `usage` of a terminal, else of its `result`; the value of a CUSTOM event that is
 * named for it. A list is summed. Null if there is none.
 */
export function usageOf(event: JsonObject): TokenUsage | null {
  const { type, name, result, usage, value } = event;
  if (type === "CUSTOM")
    return typeof name === "string" && CUSTOM_NAME.test(name) ? readUsage(value) : null;
  return readUsage(usage) ?? (isObject(result) ? readUsage(result["usage"]) : null);
}

/** The sum of two usages. A kind that only one of them knows is that one's. */
export function addUsage(a: TokenUsage | null, b: TokenUsage | null): TokenUsage | null {
  if (!a || !b) return a ?? b;
  const sum: Partial<Record<TokenKind, number>> = {};
  for (const kind of TOKEN_KINDS) {
    const [one, other] = [a[kind], b[kind]];
    if (one !== undefined || other !== undefined)
      sum[kind] = Math.min(Number.MAX_SAFE_INTEGER, (one ?? 0) + (other ?? 0));
  }
  return sum;
}

function readUsage(value: unknown): TokenUsage | null {
  if (Array.isArray(value))
    return value.map(readUsage).reduce((sum, usage) => addUsage(sum, usage), null);
  if (!isObject(value)) return null;
  const found: Partial<Record<TokenKind, number>> = {};
  for (const kind of TOKEN_KINDS) {
    const tokens = [kind, ...OTHER_NAMES[kind]].map((name) => value[name]).find(isCount);
    if (tokens !== undefined) found[kind] = tokens;
  }
  const { inputTokens, outputTokens } = found;
  if (inputTokens !== undefined && outputTokens !== undefined)
    found.totalTokens ??= inputTokens + outputTokens;
  return Object.keys(found).length > 0 ? inOrder(found) : null;
}

function inOrder(usage: TokenUsage): TokenUsage {
  const ordered: Partial<Record<TokenKind, number>> = {};
  for (const kind of TOKEN_KINDS) {
    const tokens = usage[kind];
    if (tokens !== undefined) ordered[kind] = tokens;
  }
  return ordered;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}
