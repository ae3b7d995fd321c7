/** What a request claims about its caller, as received. Nothing in it has been checked. */
export interface CallerClaims {
  /** The token in the request, or null. Never logged. */
  readonly token: string | null;
  /**
   * `X-Forwarded-User` and `X-Forwarded-Preferred-Username`, as a front end's server sends them.
   */
  readonly forwardedUser: string | null;
  readonly forwardedName: string | null;
  /** Address of the peer that sent the request, or null where the runtime does not report it. */
  readonly peer: string | null;
  /** The project that is called: a service account of it may stand for the user who made it. */
  readonly project: string;
}

/** A caller who has been identified. */
export interface Caller {
  /** The caller's id: `[A-Za-z0-9._-]`, at most 253 characters; null if unknown. */
  readonly userId: string | null;
  /** The caller's name as the identity provider has it, or null. */
  readonly userName: string | null;
  readonly groups: readonly string[];
  /** The caller's token, to act on the caller's behalf; null where no token is asked for. */
  readonly token: string | null;
}

/** An action on sessions. */
export type AccessVerb = "get" | "list" | "create" | "update" | "delete";

/**
 * One question: may the caller do this in the project, to this session or (null) to any of them?
 */
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
 * the token is no longer accepted), `review-failed` when there was no answer.
 */
export interface Authorizer {
  /** Identifies the caller. Throws `token-missing`, `token-invalid` or `review-failed`. */
  identify(claims: CallerClaims): Promise<Caller>;

  /** Resolves with whether the caller may do it. */
  allows(
    caller: Caller,
    access: Access,
    options?: { readonly fresh?: boolean; readonly signal?: AbortSignal },
  ): Promise<boolean>;
}
