import { RunlogError } from "../../ports/errors.ts";
import { isObject, type JsonObject } from "../model/json-fields.ts";

type Kind = "string" | "number" | "boolean" | "array" | "object";

/** The options of the agent's SDK that clients may set, and their types; an empty list is any. */
const ALLOWED: ReadonlyMap<string, readonly Kind[]> = new Map<string, readonly Kind[]>([
  ["system_prompt", ["string", "object"]],
  ...keys("string", "permission_mode", "effort", "user"),
  ...keys("number", "max_turns", "max_budget_usd", "max_buffer_size"),
  ...keys("boolean", "include_partial_messages", "enable_file_checkpointing"),
  ...keys("array", "allowed_tools", "disallowed_tools", "betas", "plugins"),
  ...keys(
    null,
    "thinking",
    "tools",
    "sandbox",
    "output_format",
    "hooks",
    "agents",
    "env",
    "extra_args",
  ),
]);

/**
 * The options that a session may have (PROTOCOL 7.5); others are dropped, and `null` is accepted
 * for any. Throws `invalid-input` for one of another type.
 */
export function allowedSdkOptions(options: JsonObject): JsonObject {
  const allowed = Object.entries(options).filter(([key, value]) => {
    const kinds = ALLOWED.get(key);
    if (!kinds) return false;
    const kind = kindOf(value);
    if (value === null || kinds.length === 0 || kinds.includes(kind)) return true;
    const wanted = kinds.map((name, i) => (i === 0 ? withArticle(name) : name)).join(" or ");
    throw new RunlogError("invalid-input", `sdkOptions.${key} must be ${wanted}, got ${kind}`);
  });
  return Object.fromEntries(allowed);
}

function keys(kind: Kind | null, ...names: string[]): [string, readonly Kind[]][] {
  return names.map((name) => [name, kind === null ? [] : [kind]]);
}

function kindOf(value: unknown): Kind {
  if (Array.isArray(value)) return "array";
  if (isObject(value)) return "object";
  if (typeof value === "string") return "string";
  return typeof value === "number" ? "number" : "boolean";
}

function withArticle(noun: string): string {
  return `${/^[aeiou]/.test(noun) ? "an" : "a"} ${noun}`;
}
