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

/**
 * What else the members are called by frameworks whose own usage ends up in `result` or a CUSTOM event, a dot before a member of a
 * member: OpenAI (chat completions and responses) and OpenRouter, Anthropic, LangChain, the AI SDK (v5, v6, and its providers'),
 * Bedrock, Gemini, pydantic-ai. The first that is there counts.
 */
const OTHER_NAMES: Readonly<Record<TokenKind, readonly string[]>> = {
  inputTokens: [
    "inputTokens.total",
    "input_tokens",
    "prompt_tokens",
    "promptTokens",
    "promptTokenCount",
    "prompt_token_count",
    "request_tokens",
  ],
  outputTokens: [
    "outputTokens.total",
    "output_tokens",
    "completion_tokens",
    "completionTokens",
    "candidatesTokenCount",
    "candidates_token_count",
    "response_tokens",
  ],
  totalTokens: ["total_tokens", "totalTokenCount", "total_token_count"],
  reasoningTokens: [
    "reasoning_tokens",
    "outputTokenDetails.reasoningTokens",
    "outputTokens.reasoning",
    "output_token_details.reasoning",
    "output_tokens_details.reasoning_tokens",
    "completion_tokens_details.reasoning_tokens",
    "thoughtsTokenCount",
    "thoughts_token_count",
    "details.reasoning_tokens",
  ],
  cachedInputTokens: [
    "cached_input_tokens",
    "cache_read_input_tokens",
    "cacheReadInputTokens",
    "cache_read_tokens",
    "inputTokenDetails.cacheReadTokens",
    "inputTokens.cacheRead",
    "input_token_details.cache_read",
    "input_tokens_details.cached_tokens",
    "prompt_tokens_details.cached_tokens",
    "cachedContentTokenCount",
    "cached_content_token_count",
  ],
  cacheWriteInputTokens: [
    "cache_write_input_tokens",
    "cache_creation_input_tokens",
    "cacheCreationInputTokens",
    "cache_write_tokens",
    "inputTokenDetails.cacheWriteTokens",
    "inputTokens.cacheWrite",
    "input_token_details.cache_creation",
    "prompt_tokens_details.cache_write_tokens",
  ],
};

/** The paths of each kind's names. */
const PATHS = TOKEN_KINDS.map((kind) => ({
  kind,
  paths: [kind, ...OTHER_NAMES[kind]].map((name) => name.split(".")),
}));

/** Names of CUSTOM events whose value is a usage, and of members that hold one. */
const USAGE_NAME = /^(?:(?:token|llm|total)[_-]?)?usage(?:[_-]?metadata)?$/i;

/** Whether a CUSTOM event of this name says what a run took. */
export function isUsageName(name: string): boolean {
  return USAGE_NAME.test(name);
}

/**
 * The usage that an event reports: the `usage` of a terminal, else what its `result` has; the value of a CUSTOM event that is
 * named for it, or what that has. A list is summed. Null if there is none.
 */
export function usageOf(event: JsonObject): TokenUsage | null {
  const { type, name, result, usage, value } = event;
  if (type === "CUSTOM")
    return typeof name === "string" && isUsageName(name)
      ? (readUsage(value) ?? within(value))
      : null;
  return readUsage(usage) ?? within(result);
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

/** The usage in the first member that is named for it. */
function within(value: unknown): TokenUsage | null {
  if (!isObject(value)) return null;
  for (const [name, member] of Object.entries(value)) {
    const usage = isUsageName(name) ? readUsage(member) : null;
    if (usage) return usage;
  }
  return null;
}

function readUsage(value: unknown): TokenUsage | null {
  if (Array.isArray(value))
    return value.map(readUsage).reduce((sum, usage) => addUsage(sum, usage), null);
  if (!isObject(value)) return null;
  const found: Partial<Record<TokenKind, number>> = {};
  for (const { kind, paths } of PATHS) {
    const tokens = paths.map((path) => memberAt(value, path)).find(isCount);
    if (tokens !== undefined) found[kind] = tokens;
  }
  const { inputTokens, outputTokens } = found;
  if (inputTokens !== undefined && outputTokens !== undefined)
    found.totalTokens ??= inputTokens + outputTokens;
  return Object.keys(found).length > 0 ? inOrder(found) : null;
}

function memberAt(value: JsonObject, path: readonly string[]): unknown {
  return path.reduce<unknown>((at, name) => (isObject(at) ? at[name] : undefined), value);
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
