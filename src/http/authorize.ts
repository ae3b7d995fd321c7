import type { Context } from "hono";
import { HTTPException } from "hono/http-exception";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import type { Access, Authorizer, Caller } from "../ports/authorizer.ts";
import { RunlogError } from "../ports/errors.ts";
import { sanitizeUserId } from "../ports/user-id.ts";

/** Whom the host's own authentication has found behind a request. */
export interface AuthorizedCaller {
  /** The caller's id, told to runners and in lists of who did what; null if it has none. */
  readonly user: string | null;
  /** The caller's name for people. Default: `user`. */
  readonly name?: string;
  /**
   * Whether the caller may do this: only `true` allows it. Each request asks once, with the session that it is about: `get`
   * to read it, `update` to run or change it, `delete`; or with session null to `list` all sessions of the project,
   * or to `create` one. Default: everything.
   */
  readonly may?: (access: Access) => boolean | Promise<boolean>;
}

/** What `authorize` finds: a caller, null, or what the request is answered with. */
type Authorized = AuthorizedCaller | Response | null;

/**
 * Finds out who sent a request, by a session, a cookie or a token of the host's own. Null refuses it with
 * 401; a Response, such as a redirect, is sent as it is, and so is that of an HTTPException. It is asked
 * again, for the same request, while a stream of the caller is open.
 */
export type Authorize = (c: Context) => Authorized | Promise<Authorized>;

/** An Authorizer for the one request of `c`. */
export function authorizerOf(authorize: Authorize, c: Context): Authorizer {
  let known: AuthorizedCaller | null = null;

  async function ask(): Promise<AuthorizedCaller> {
    const found = await authorize(c);
    if (found instanceof Response) throw answeredBy(found);
    if (found === null) throw new RunlogError("token-missing", "Authentication required");
    assertCaller(found);
    known = found;
    return found;
  }

  /** Whoever was let in and is not any more is refused, however that is said. */
  function askAgain(): Promise<AuthorizedCaller> {
    return ask().catch((error: unknown) => {
      if (!(error instanceof HTTPException) || error.status >= 500) throw error;
      throw new RunlogError("token-invalid", "The caller is no longer let in", { cause: error });
    });
  }

  return {
    async identify(): Promise<Caller> {
      const { user, name } = await ask();
      const userId = sanitizeUserId(user ?? "") || null;
      return { userId, userName: name ?? user, groups: [], token: null };
    },

    async allows(_caller, access, { fresh = false } = {}) {
      const { may } = fresh || !known ? await askAgain() : known;
      if (may === undefined) return true;
      const allowed: unknown = await may(access);
      // a forgotten return, or a text, is no yes
      return allowed === true;
    },
  };
}

function answeredBy(res: Response): HTTPException {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the status of a response is one
  return new HTTPException(res.status as ContentfulStatusCode, { res });
}

/** Types do not reach hosts that are written in JavaScript: what is no caller lets nobody in. */
function assertCaller(found: unknown): asserts found is AuthorizedCaller {
  const { user, name, may }: Partial<Record<string, unknown>> = Object(found);
  const isCaller =
    (user === null || typeof user === "string") &&
    (name === undefined || typeof name === "string") &&
    (may === undefined || typeof may === "function");
  if (isCaller) return;
  throw new TypeError("authorize gives { user: string | null, name?, may? }, a Response or null");
}
