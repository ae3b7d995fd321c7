import type { Context } from "hono";
import { TOKEN_RIGHTS, type TokenEntry, type TokenRight } from "../core/model/token-list.ts";
import type { AccessVerb } from "../ports/authorizer.ts";
import { RunlogError } from "../ports/errors.ts";
import type { AuthorizedCaller } from "./authorize.ts";

/** The least right that an action needs. */
const NEEDED: Readonly<Record<AccessVerb, TokenRight>> = {
  get: "read",
  list: "read",
  create: "write",
  update: "write",
  delete: "admin",
};

/** What somebody may do who has a right in some projects (null: in all). */
export function mayWith({
  right,
  projects,
}: Pick<TokenEntry, "right" | "projects">): NonNullable<AuthorizedCaller["may"]> {
  return ({ project, verb }) =>
    includes(right, NEEDED[verb]) && (projects === null || projects.includes(project));
}

/**
 * The token of a request's `Authorization`; null where there is none. Throws `token-missing` for one in the URL alone, which
 * proxies and browsers keep.
 */
export function bearerToken(c: Context): string | null {
  const token = /^Bearer +([\u0021-\u007e]+) *$/i.exec(c.req.header("Authorization") ?? "")?.[1];
  if (token !== undefined) return token;
  if (IN_URL.every((name) => c.req.query(name) === undefined)) return null;
  throw new RunlogError(
    "token-missing",
    "A token in the URL does not count: send it as Authorization: Bearer, or open streams with a ticket (POST …/agui/ticket)",
  );
}

/** By what names tokens are put into URLs. */
const IN_URL = ["token", "access_token"] as const;

function includes(right: TokenRight, needed: TokenRight): boolean {
  return TOKEN_RIGHTS.indexOf(right) >= TOKEN_RIGHTS.indexOf(needed);
}
