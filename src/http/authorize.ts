import type { Context } from "hono";
import type { Access, Authorizer, Caller } from "../ports/authorizer.ts";
import { RunlogError } from "../ports/errors.ts";
import { sanitizeUserId } from "../ports/user-id.ts";

/** Whom the host's own authentication has found behind a request. */
export interface AuthorizedCaller {
  /** The caller's id, told to runners and in lists of who did what; null if it has none. */
  readonly user: string | null;
  /** The caller's name for people. Default: `user`. */
  readonly name?: string;
  /** Whether the caller may do this. Default: everything. */
  readonly may?: (access: Access) => boolean | Promise<boolean>;
}

/**
 * Finds out who sent a request, by a session, a cookie or a token of the host's own; null refuses it with
 * 401. It is asked again, for the same request, while a stream of the caller is open.
 */
export type Authorize = (c: Context) => AuthorizedCaller | null | Promise<AuthorizedCaller | null>;

/** An Authorizer for the one request of `c`. */
export function authorizerOf(authorize: Authorize, c: Context): Authorizer {
  let known: AuthorizedCaller | null = null;

  async function ask(): Promise<AuthorizedCaller> {
    known = await authorize(c);
    if (!known) throw new RunlogError("token-missing", "Authentication required");
    return known;
  }

  return {
    async identify(): Promise<Caller> {
      const { user, name } = await ask();
      const userId = sanitizeUserId(user ?? "") || null;
      return { userId, userName: name ?? user, groups: [], token: null };
    },

    async allows(_caller, access, { fresh = false } = {}) {
      const { may } = fresh || !known ? await ask() : known;
      return may?.(access) ?? true;
    },
  };
}
