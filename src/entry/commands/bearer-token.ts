import { UsageError } from "../exit.ts";

/** What a header can hold of a token (RFC 9110, 5.5), without spaces. */
const TOKEN = /^[\x21-\x7e]+$/;

/** The header by which RUNLOG_TOKEN is shown to a server; none where it is empty. Throws UsageError, which does not say the token. */
export function authorizationOf(token: string): { readonly Authorization?: string } {
  const trimmed = token.trim();
  if (trimmed === "") return {};
  if (!TOKEN.test(trimmed))
    throw new UsageError(
      "RUNLOG_TOKEN is no token: it has a space, a line break or another character within it that no token has",
    );
  return { Authorization: `Bearer ${trimmed}` };
}
