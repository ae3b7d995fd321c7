import type { Authorizer, Caller } from "../../src/ports/authorizer.ts";
import { sanitizeUserId } from "../../src/ports/user-id.ts";

const NOBODY: Caller = { userId: null, userName: null, groups: [], token: null };

/**
 * An Authorizer that protects nothing: callers are who a front end's server says they are, and may do
 * everything. Names from it are labels.
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
