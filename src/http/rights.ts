import { TOKEN_RIGHTS, type TokenEntry, type TokenRight } from "../core/model/token-list.ts";
import type { AccessVerb } from "../ports/authorizer.ts";
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

/** The token of a request's `Authorization`; null where there is none. */
export function bearerToken(header: string | undefined): string | null {
  return /^Bearer +([\u0021-\u007e]+) *$/i.exec(header ?? "")?.[1] ?? null;
}

function includes(right: TokenRight, needed: TokenRight): boolean {
  return TOKEN_RIGHTS.indexOf(right) >= TOKEN_RIGHTS.indexOf(needed);
}
