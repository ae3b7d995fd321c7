import type { Caller, CallerClaims } from "../../src/ports/authorizer.ts";
import type { Clock } from "../../src/ports/clock.ts";
import { hasCode, RunlogError } from "../../src/ports/errors.ts";
import { sanitizeUserId } from "../../src/ports/user-id.ts";
import { createAnswerCache } from "./answer-cache.ts";
import { type Api, OWN } from "./api.ts";
import { orNull } from "./failure.ts";
import { corePath, type Resource } from "./resources.ts";
import { digestOf } from "./token-digest.ts";

/** The owner of a token according to the API server; null if it is invalid. */
type User = { readonly name: string; readonly groups: readonly string[] } | null;

export interface IdentityOptions {
  readonly api: Api;
  readonly clock: Clock;
  readonly isTrusted: (peer: string | null) => boolean;
}

const USER_MS = 30_000;
const NOBODY_MS = 5_000;
const AUTHENTICATION = "/apis/authentication.k8s.io/v1";
/** The annotation of a service account that stands for the user who had it made. */
const CREATED_BY = "ambient-code.io/created-by-user-id";

interface UserInfo {
  readonly username?: string;
  readonly groups?: readonly string[];
}

/**
 * Who callers are, by their tokens. Asked of the token itself where the API server can (SelfSubjectReview),
 * else about it with runlog's own account (TokenReview).
 */
export function createIdentity({ api, clock, isTrusted }: IdentityOptions): {
  identify(claims: CallerClaims): Promise<Caller>;
} {
  const users = createAnswerCache<User>({
    clock,
    keepMs: (user) => (user ? USER_MS : NOBODY_MS),
  });
  const owners = createAnswerCache<string | null>({ clock, keepMs: () => USER_MS });
  const abilities = createAnswerCache<boolean>({ clock, keepMs: () => 10 * 60_000 });

  /** Asked of discovery: without the resource a review would be refused as often as not found. */
  function canReviewSelf(): Promise<boolean> {
    return abilities.get("", async () => {
      const path = AUTHENTICATION;
      const { resources } = await api.json<{ resources: readonly { readonly name: string }[] }>({
        account: OWN,
        method: "GET",
        path,
      });
      return resources.some(({ name }) => name === "selfsubjectreviews");
    });
  }

  async function review(token: string): Promise<User> {
    const isSelf = await canReviewSelf();
    const kind = isSelf ? "SelfSubjectReview" : "TokenReview";
    const answer = await api.json<{ status?: { userInfo?: UserInfo; user?: UserInfo } }>({
      account: isSelf ? { kind: "caller", token } : OWN,
      method: "POST",
      path: `${AUTHENTICATION}/${kind.toLowerCase()}s`,
      body: {
        apiVersion: "authentication.k8s.io/v1",
        kind,
        ...(!isSelf && { spec: { token } }),
      },
    });
    const { username, groups = [] } = answer.status?.userInfo ?? answer.status?.user ?? {};
    return username ? { name: username, groups } : null;
  }

  async function userOf(token: string): Promise<User> {
    return users.get(digestOf(token), async () => {
      try {
        return await review(token);
      } catch (error) {
        if (hasCode(error, "token-invalid")) return null;
        throw reviewFailed(error);
      }
    });
  }

  /** Whom a service account of the project stands for, or null. */
  async function ownerOf(user: string, project: string): Promise<string | null> {
    const [, namespace, name] = /^system:serviceaccount:([^:]+):([^:]+)$/.exec(user) ?? [];
    if (namespace !== project || name === undefined) return null;
    return owners.get(`${project}/${name}`, async () => {
      const path = corePath(project, "serviceaccounts", name);
      const request = { account: OWN, method: "GET", path } as const;
      try {
        const account = await orNull(api.json<Resource>(request), "NotFound");
        return sanitizeUserId(account?.metadata.annotations?.[CREATED_BY] ?? "") || null;
      } catch (error) {
        throw reviewFailed(error);
      }
    });
  }

  return {
    async identify({ token, forwardedUser, forwardedName, peer, project }) {
      if (token === null) throw new RunlogError("token-missing", "User token required");
      // what could not be a header's value cannot be a token
      if (!/^[\x21-\x7e]+$/.test(token))
        throw new RunlogError("token-invalid", "Invalid or missing token");
      const user = await userOf(token);
      if (!user) throw new RunlogError("token-invalid", "Token expired or invalid");
      if (forwardedUser && isTrusted(peer)) {
        const userId = sanitizeUserId(forwardedUser) || null;
        return { userId, userName: forwardedName ?? forwardedUser, groups: user.groups, token };
      }
      const owner = await ownerOf(user.name, project);
      if (owner !== null) return { userId: owner, userName: null, groups: [], token };
      const userId = sanitizeUserId(user.name) || null;
      return { userId, userName: user.name, groups: user.groups, token };
    },
  };
}

export function reviewFailed(cause: unknown): RunlogError {
  return new RunlogError("review-failed", "Failed to perform access review", { cause });
}
