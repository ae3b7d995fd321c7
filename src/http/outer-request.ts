import type { Context } from "hono";

/** Where the context of a request lies in the environment of one that is made for it. */
const OUTER = Symbol("outer request");

/** The environment of a request that is made inside the process for the request of `c`. */
export function envWithin(c: Context): object {
  return { ...Object(c.env), [OUTER]: c };
}

/** The request as it came: that for which the request of `c` is made, if it is, with what the host has set on it. */
export function outerOf(c: Context): Context {
  const outer: Context | undefined = Object(c.env)[OUTER];
  return outer ?? c;
}
