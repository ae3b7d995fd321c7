import type { Context, MiddlewareHandler } from "hono";
import { routePath } from "hono/route";
import { senderOf } from "./access.ts";
import { wasForwarded } from "./forwarded.ts";
import { outerOf } from "./outer-request.ts";

/** What the routes know of a request. */
export interface RequestFacts {
  /** The pattern of its path, with the names of parameters in place of their values; null where no route has it. */
  readonly route: string | null;
  /** The caller's id; null where it is not known. */
  readonly caller: string | null;
  /** Whether another server says that it has passed it on. */
  readonly isForwarded: boolean;
}

/** Told of each request once it has an answer, before the answer's body is sent. */
export type ReportAnswer = (c: Context, facts: RequestFacts) => void;

const CALLER = "reported caller";

/** Reports each request that came from outside, once: those that are made for it in the process tell who called. */
export function reportAnswers(report: ReportAnswer): MiddlewareHandler {
  return async (c, next) => {
    await next();
    const outer = outerOf(c);
    const caller = senderOf(c).caller?.userId ?? null;
    if (outer !== c) {
      outer.set(CALLER, caller);
      return;
    }
    const route = routePath(c);
    const inner: string | null | undefined = c.get(CALLER);
    report(c, {
      route: route.includes("*") ? null : route,
      caller: caller ?? inner ?? null,
      isForwarded: wasForwarded(c),
    });
  };
}
