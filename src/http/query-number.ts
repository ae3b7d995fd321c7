import type { Context } from "hono";
import { RunlogError } from "../ports/errors.ts";

/** The number in `?limit=`, from 1 to `max`. Throws `invalid-input` for anything else. */
export function limitOf(
  c: Context,
  { default: fallback, max }: { readonly default: number; readonly max: number },
): number {
  const text = c.req.query("limit");
  if (text === undefined) return fallback;
  const limit = Number(text);
  if (!/^\d{1,9}$/.test(text) || limit < 1 || limit > max)
    throw new RunlogError("invalid-input", `Invalid limit: a number from 1 to ${max}`);
  return limit;
}
