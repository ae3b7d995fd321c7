import type { Access, AccessVerb, Authorizer, Caller } from "../../src/ports/authorizer.ts";
import { RunlogError } from "../../src/ports/errors.ts";
import { sanitizeUserId } from "../../src/ports/user-id.ts";

/** What a user may do in a project. */
export interface MemoryGrant {
  readonly project: string;
  readonly verbs: readonly AccessVerb[];
  /** Only to this session; default to all of the project, and to the project itself. */
  readonly session?: string;
}

export interface MemoryUser {
  readonly name: string;
  readonly groups?: readonly string[];
  readonly grants: readonly MemoryGrant[];
}

/**
 * An Authorizer over a table of users by their token, which may change at any time: its answers are
 * never old. Forwarded names count for nothing.
 *
 * @example
 * ```ts
 * import { createMemoryAuthorizer, type MemoryUser } from "runlog/memory";
 *
 * const grants = [{ project: "p", verbs: ["get", "list"] }] as const;
 * const users = new Map<string, MemoryUser>([["token", { name: "jo", grants }]]);
 * const authorizer = createMemoryAuthorizer(users);
 * ```
 */
export function createMemoryAuthorizer(users: ReadonlyMap<string, MemoryUser>): Authorizer {
  function userOf({ token }: Pick<Caller, "token">): MemoryUser {
    const user = users.get(token ?? "");
    if (!user) throw new RunlogError("token-invalid", "Token expired or invalid");
    return user;
  }

  return {
    async identify({ token }) {
      if (token === null) throw new RunlogError("token-missing", "User token required");
      if (token === "") throw new RunlogError("token-invalid", "Invalid or missing token");
      const { name, groups = [] } = userOf({ token });
      return { userId: sanitizeUserId(name), userName: name, groups, token };
    },

    async allows(caller, access) {
      return userOf(caller).grants.some((grant) => covers(grant, access));
    },
  };
}

function covers({ project, session, verbs }: MemoryGrant, access: Access): boolean {
  const isWide = session === undefined || session === access.session;
  return isWide && project === access.project && verbs.includes(access.verb);
}
