import type { AccessVerb } from "../ports/authorizer.ts";
import { RunlogError } from "../ports/errors.ts";
import type { Authorize } from "./authorize.ts";
import {
  TOKEN_RIGHTS,
  tokenDigest,
  type TokenList,
  type TokenRight,
} from "../core/model/token-list.ts";

/** The least right that an action needs. */
const NEEDED: Readonly<Record<AccessVerb, TokenRight>> = {
  get: "read",
  list: "read",
  create: "write",
  update: "write",
  delete: "admin",
};

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
    const [, token] =
      /^Bearer +([\u0021-\u007e]+) *$/i.exec(c.req.header("Authorization") ?? "") ?? [];
    if (token === undefined) return null;
    const list = await readList();
    const entry = list.get(await tokenDigest(token));
    if (!entry) throw new RunlogError("token-invalid", "The token is not known");
    const { name, right, projects } = entry;
    return {
      user: name,
      may: ({ project, verb }) =>
        includes(right, NEEDED[verb]) && (projects === null || projects.includes(project)),
    };
  };
}

function includes(right: TokenRight, needed: TokenRight): boolean {
  return TOKEN_RIGHTS.indexOf(right) >= TOKEN_RIGHTS.indexOf(needed);
}
