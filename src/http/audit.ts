import type { Context, MiddlewareHandler } from "hono";
import type { AuditAction, AuditEntry, AuditLog } from "../ports/audit-log.ts";
import { senderOf } from "./access.ts";
import { isServedElsewhere } from "./owner-guard.ts";
import { givenProject } from "./session-key.ts";

/** The guards of a route that record what is done by it. */
interface AuditGuards {
  /** To stand before all others: what they refuse is recorded as well. */
  readonly first: readonly MiddlewareHandler[];
  /** To stand right before the handler. */
  readonly last: readonly MiddlewareHandler[];
}

/** Names that cannot be are recorded in part. */
const MAX_NAME = 128;
const REQUEST = "audit request";
const MISDIRECTED = 421;

/**
 * Records who asks for an action, and what became of it, when the answer begins. A deletion is recorded before it is done as well, and
 * is not done where it cannot be. Of a request that is passed on to another server, that one records it.
 */
export function auditGuards(action: AuditAction, audit: AuditLog | null): AuditGuards {
  if (audit === null) return { first: [], last: [] };
  const first: MiddlewareHandler = async (c, next) => {
    await next();
    const { status } = c.res;
    const hasBegun = c.get(REQUEST) !== undefined;
    if (isServedElsewhere(c) || (status === MISDIRECTED && !hasBegun)) return;
    audit.write(entryOf(c, action, outcomeOf(status), status));
  };
  const last: MiddlewareHandler = async (c, next) => {
    await audit.writeDurably(entryOf(c, action, "begun", null));
    await next();
  };
  return { first: [first], last: action === "delete" ? [last] : [] };
}

function outcomeOf(status: number): AuditEntry["outcome"] {
  if (status < 400) return "done";
  return status === 401 || status === 403 ? "refused" : "failed";
}

function entryOf(
  c: Context,
  action: AuditAction,
  outcome: AuditEntry["outcome"],
  status: number | null,
): AuditEntry {
  const { caller, isVerified, peer } = senderOf(c);
  return {
    action,
    project: givenProject(c).slice(0, MAX_NAME),
    session: c.req.param("sessionName")?.slice(0, MAX_NAME) ?? null,
    caller: caller?.userId ?? null,
    user: caller?.userName ?? null,
    isVerified,
    peer,
    outcome,
    status,
    request: requestOf(c),
  };
}

function requestOf(c: Context): string {
  const known: string | undefined = c.get(REQUEST);
  const id = known ?? crypto.randomUUID();
  c.set(REQUEST, id);
  return id;
}
