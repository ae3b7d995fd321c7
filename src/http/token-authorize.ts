import { tokenDigest, type TokenList } from "../core/model/token-list.ts";
import { RunlogError } from "../ports/errors.ts";
import type { Authorize } from "./authorize.ts";
import { bearerToken, mayWith } from "./rights.ts";

/**
 * An `authorize` by bearer tokens, which stand in `Authorization` only: a URL is logged by proxies and
 * kept by browsers. `readList` is asked with each request, and again while a stream is open.
 *
 * @example
 * ```ts
 * import { createRunlog, createTokenAuthorize, parseTokenList } from "runlog";
 *
 * const tokens = parseTokenList(process.env["TOKENS"] ?? "");
 * const authorize = createTokenAuthorize(() => tokens);
 * const runlog = await createRunlog({ runner: "http://localhost:8001/", authorize });
 * ```
 */
export function createTokenAuthorize(readList: () => TokenList | Promise<TokenList>): Authorize {
  return async (c) => {
    const token = bearerToken(c);
    if (token === null) return null;
    const list = await readList();
    const entry = list.get(await tokenDigest(token));
    if (!entry) throw new RunlogError("token-invalid", "The token is not known");
    return { user: entry.name, may: mayWith(entry) };
  };
}
