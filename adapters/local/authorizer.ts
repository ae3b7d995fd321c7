import type { Authorizer, Caller } from "../../src/ports/authorizer.ts";
import { sanitizeUserId } from "../../src/ports/user-id.ts";

const NOBODY: Caller = { userId: null, userName: null, groups: [], token: null };

/**
 * An Authorizer that protects nothing: it believes the names that a front end's server sends, and
 * allows every caller everything. The names are labels.
 *
 * @example
 * ```ts
 * import { createLocalAuthorizer } from "runlog/local";
 *
 * const authorizer = createLocalAuthorizer();
 * ```
 */
export function createLocalAuthorizer(): Authorizer {
  return {
    async identify({ forwardedUser, forwardedName }) {
      const userId = sanitizeUserId(forwardedUser ?? "");
      if (userId === "") return NOBODY;
      return { ...NOBODY, userId, userName: forwardedName ?? forwardedUser };
    },

    allows: () => Promise.resolve(true),
  };
}
