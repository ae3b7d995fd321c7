/** What a request says about its caller, as it came: nothing of it is believed yet. */
export interface CallerClaims {
  /** The token that the request carried, or null. Never logged. */
  readonly token: string | null;
  /** `X-Forwarded-User` and `X-Forwarded-Preferred-Username`: what a front end's server says. */
  readonly forwardedUser: string | null;
  readonly forwardedName: string | null;
  /** Address of the peer that sent the request, or null where the runtime does not say. */
  readonly peer: string | null;
  /** The project that is called: a service account of it may stand for the user who made it. */
  readonly project: string;
}

/** Who calls. */
export interface Caller {
  /** Sanitised to `[A-Za-z0-9._-]`, at most 253 characters; null if nobody knows. */
  readonly userId: string | null;
  /** As the identity provider says it, or null. */
  readonly userName: string | null;
  readonly groups: readonly string[];
  /** What the caller showed, to act on its behalf; null where nothing is asked for. */
  readonly token: string | null;
}

/** What somebody wants to do with sessions. */
export type AccessVerb = "get" | "list" | "create" | "update" | "delete";

/** One question: may the caller do this in the project, to this session or (null) to any of them? */
export interface Access {
  readonly project: string;
  readonly session: string | null;
  readonly verb: AccessVerb;
}

/**
 * Who calls, and what they may do.
 *
 * **Consistency.** Answers may be old: a yes by up to 30 s, a no by up to 5 s, unless `fresh` asks
 * past every cache. A failure is never taken for a no, nor remembered.
 *
 * **Failures** are `RunlogError`s: `token-missing` and `token-invalid` (`identify`, and `allows` when
 * the token is no longer accepted), `review-failed` when nobody could say.
 */
export interface Authorizer {
  /** Who calls. */
  identify(claims: CallerClaims): Promise<Caller>;

  /** Whether the caller may do it. */
  allows(
    caller: Caller,
    access: Access,
    options?: { readonly fresh?: boolean; readonly signal?: AbortSignal },
  ): Promise<boolean>;
}
