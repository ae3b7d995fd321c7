import type { Context, MiddlewareHandler } from "hono";
import type { SessionService } from "../core/service.ts";
import type { Freshness } from "../core/lifecycle/incarnations.ts";
import type { AccessVerb, Caller } from "../ports/authorizer.ts";
import { hasCode, RunlogError } from "../ports/errors.ts";
import type { SessionKey } from "../ports/log-store.ts";
import type { SessionDirectory } from "../ports/session-directory.ts";
import { type Authorize, authorizerOf } from "./authorize.ts";
import { claimsOf, type ClaimsOptions } from "./claims.ts";
import { isFromServer } from "./forwarded.ts";
import { outerOf } from "./outer-request.ts";
import { projectOf, sessionKeyOf, taskIdOf } from "./session-key.ts";
import { showTicket } from "./ticket.ts";

/** A question about the caller of a route, and the route's texts for a no and for no answer. */
interface AccessCheck {
  readonly scope: "project" | "session";
  readonly verb: AccessVerb;
  readonly refused: string;
  readonly failed: string;
}

/** The conditions of a route, checked before its handler runs (PROTOCOL 13.4). */
export interface AccessRule {
  /** Asked in this order; what else a caller may do the directory checks itself. */
  readonly checks: readonly AccessCheck[];
  /** The questions to a host that authorizes callers, in this order: the directory does not know these. */
  readonly hosted: readonly AccessCheck[];
  /**
   * How fresh the knowledge that the session exists has to be; null where the route checks that
   * itself.
   */
  readonly session: Freshness | null;
  /** Whether the token may stand in the URL. Default: no. */
  readonly tokenInUrl?: boolean;
  /** Whether a ticket may stand in the URL in place of a token (PROTOCOL 13.10). Default: no. */
  readonly ticketInUrl?: boolean;
  /** Whether it has an agent work, which callers may have a quota of (PROTOCOL 13.11). Default: no. */
  readonly isRun?: boolean;
}

const FAILED = "Failed to perform access review";
const LIST: AccessCheck = {
  scope: "project",
  verb: "list",
  refused: "Unauthorized to access project",
  failed: FAILED,
};
const GET: AccessCheck = { scope: "session", verb: "get", refused: "Unauthorized", failed: FAILED };
const UPDATE: AccessCheck = { ...GET, verb: "update" };
const DELETE: AccessCheck = { ...GET, verb: "delete" };
const CREATE: AccessCheck = { ...LIST, verb: "create", refused: "Unauthorized to create sessions" };
const RENAME: AccessCheck = {
  scope: "project",
  verb: "update",
  refused: "Unauthorized to update session in this project",
  failed: "Failed to verify permissions",
};

type DocumentRule = "list" | "create" | "fork" | "get" | "change" | "remove" | "rename";
type LogRule = "ask" | "read" | "run" | "watch" | "write" | "writeAsRunner";

/** The access rules of all routes. */
export const ACCESS: Readonly<Record<DocumentRule | LogRule, AccessRule>> = {
  list: { checks: [LIST], hosted: [LIST], session: null },
  create: { checks: [LIST], hosted: [CREATE], session: null },
  /** Reads one session and creates another, for which the directory has the last word. */
  fork: { checks: [LIST, GET], hosted: [GET, CREATE], session: "recent" },
  get: { checks: [LIST], hosted: [GET], session: null },
  change: { checks: [LIST], hosted: [UPDATE], session: null },
  remove: { checks: [LIST], hosted: [DELETE], session: null },
  rename: { checks: [LIST, RENAME], hosted: [UPDATE], session: null },
  read: { checks: [LIST, GET], hosted: [GET], session: "recent" },
  watch: {
    checks: [LIST, GET],
    hosted: [GET],
    session: "recent",
    tokenInUrl: true,
    ticketInUrl: true,
  },
  write: { checks: [LIST, UPDATE], hosted: [UPDATE], session: "now" },
  run: { checks: [LIST, UPDATE], hosted: [UPDATE], session: "now", isRun: true },
  /** As a run, of which nothing is stored: the session need not be there. */
  ask: { checks: [LIST, UPDATE], hosted: [UPDATE], session: null, isRun: true },
  /** Runners have no rights in the project beyond their own session. */
  writeAsRunner: { checks: [UPDATE], hosted: [UPDATE], session: "now" },
};

export interface AccessOptions extends Pick<ClaimsOptions, "peerKey" | "peerOf"> {
  /** Who calls and what they may do, in place of the service's `authorizer`. */
  readonly authorize?: Authorize;
}

/** The identified caller of a route. */
export interface RequestAccess {
  readonly caller: Caller;
  /** Whether somebody has vouched for the caller's id. */
  readonly isVerified: boolean;
  /** What shows who the caller is, as an `Authorization`; null where nobody asks for that. Never logged. */
  readonly authorization: string | null;
  /**
   * The group that shares the process's memory with this request: a known caller's, else the
   * peer's.
   */
  readonly holder: string;
  /** Address of who sent the request, or null if it is unknown. */
  readonly peer: string | null;
  /** Makes sure that the session exists (`Incarnations.confirm`). */
  confirm(freshness: Freshness): Promise<void>;
  /**
   * Asks again, past every cache; resolves if the caller is still allowed, throws if not or if it
   * cannot be known.
   */
  recheck(signal: AbortSignal): Promise<void>;
}

/** Who sent a request. */
interface Sender {
  /** Null where it is not known. */
  readonly caller: Caller | null;
  /** Whether somebody has vouched for the caller's id. */
  readonly isVerified: boolean;
  /** Address of who sent the request, or null if it is unknown. */
  readonly peer: string | null;
}

const KEY = "access";
const SENDER = "sender";
const UNKNOWN: Sender = { caller: null, isVerified: false, peer: null };

/**
 * The steps before a route's handler, in the order of PROTOCOL 13.3: the first that fails answers,
 * and no request leaves the process before the names are validated.
 */
export function accessGuard(
  service: SessionService,
  rule: AccessRule,
  options: AccessOptions,
): MiddlewareHandler {
  const { directory, incarnations } = service;
  const { authorize } = options;
  return async (c, next) => {
    if (rule.ticketInUrl) await showTicket(c, service);
    const authorizer = authorize ? authorizerOf(authorize, outerOf(c)) : service.authorizer;
    const reviewer = { authorizer, logger: service.logger };
    const claims = claimsOf(c, { ...options, tokenInUrl: rule.tokenInUrl ?? false });
    const { peer } = claims;
    c.set(SENDER, { ...UNKNOWN, peer } satisfies Sender);
    // a missing token is refused without asking anybody
    const early = claims.token && !authorize ? null : await authorizer.identify(claims);
    const project = projectOf(c);
    const key = c.req.param("sessionName") === undefined ? null : sessionKeyOf(c, directory);
    if (c.req.param("taskId") !== undefined) taskIdOf(c);
    const caller =
      early ?? (await authorizer.identify(claims).catch(reviewFailed(service, FAILED)));
    // unverified names would make one caller look like many
    const isVerified = authorize !== undefined || caller.token !== null;
    c.set(SENDER, { caller, isVerified, peer } satisfies Sender);

    const check = async (asked: AskOptions): Promise<void> => {
      for (const step of authorize ? rule.hosted : rule.checks)
        await assertAllowed(reviewer, caller, { step, project, key }, asked);
    };
    const holder = (isVerified ? caller.userId : null) ?? peer ?? "";
    if (!isFromServer(c, options.peerKey ?? null)) countOnce(c, service, { rule, holder });
    await check({});
    const confirm = async (freshness: Freshness): Promise<void> => {
      if (key) await incarnations.confirm(key, directory.as(caller), freshness);
    };
    const recheck = async (signal: AbortSignal): Promise<void> => {
      await check({ fresh: true, signal });
      if (rule.session) await confirm("now");
    };
    const authorization = authorize
      ? (outerOf(c).req.header("Authorization") ?? null)
      : caller.token && `Bearer ${caller.token}`;
    c.set(KEY, {
      caller,
      isVerified,
      authorization,
      holder,
      peer,
      confirm,
      recheck,
    } satisfies RequestAccess);
    await next();
  };
}

/**
 * Counts a request against its caller's quotas. What is made of one request inside the process counts once, and so does what a server
 * has counted that passed it on.
 */
function countOnce(
  c: Context,
  { callerLimits }: SessionService,
  { rule, holder }: { readonly rule: AccessRule; readonly holder: string },
): void {
  const outer = outerOf(c);
  if (outer.get(COUNTED) !== true) callerLimits.countRequest(holder);
  outer.set(COUNTED, true);
  if (rule.isRun) callerLimits.countRun(holder);
}

const COUNTED = "counted";

/** The last step: the session is there, if the route wants that to be known. */
export function confirmGuard(rule: AccessRule): MiddlewareHandler {
  return async (c, next) => {
    if (rule.session) await accessOf(c).confirm(rule.session);
    await next();
  };
}

/** The caller of the route. Only to be called after the guard. */
export function accessOf(c: Context): RequestAccess {
  const access: RequestAccess | undefined = c.get(KEY);
  if (!access) throw new TypeError("The route has no access guard");
  return access;
}

/** Whether the request was allowed for who sent it. May be called at any time. */
export function wasAuthenticated(c: Context): boolean {
  const access: RequestAccess | undefined = c.get(KEY);
  return access?.isVerified ?? false;
}

/** What is known of who sent the request by now, allowed or not. May be called at any time. */
export function senderOf(c: Context): Sender {
  const sender: Sender | undefined = c.get(SENDER);
  return sender ?? UNKNOWN;
}

/** Who calls. */
export function callerOf(c: Context): Caller {
  return accessOf(c).caller;
}

/** The sessions, as the caller may use them. */
export function directoryOf(c: Context, { directory }: SessionService): SessionDirectory {
  return directory.as(callerOf(c));
}

interface AskOptions {
  readonly fresh?: boolean;
  readonly signal?: AbortSignal;
}

async function assertAllowed(
  service: Pick<SessionService, "authorizer" | "logger">,
  caller: Caller,
  asked: { readonly step: AccessCheck; readonly project: string; readonly key: SessionKey | null },
  options: AskOptions,
): Promise<void> {
  const { step, project, key } = asked;
  const session = step.scope === "session" ? (key?.session ?? null) : null;
  const isAllowed = await service.authorizer
    .allows(caller, { project, session, verb: step.verb }, options)
    .catch(reviewFailed(service, step.failed));
  if (!isAllowed) throw new RunlogError("access-denied", step.refused);
}

/** A question without an answer is no refusal, and has the route's own text. */
function reviewFailed(
  { logger }: Pick<SessionService, "logger">,
  text: string,
): (error: unknown) => never {
  return (cause) => {
    if (hasCode(cause, "token-missing", "token-invalid")) throw cause;
    logger.warn("access-review-failed", { error: cause });
    throw new RunlogError("review-failed", text, { cause });
  };
}
