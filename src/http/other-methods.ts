import type { Handler } from "hono";
import { problem } from "./problem.ts";

/**
 * Answers every method but `methods`, which the path's routes take: OPTIONS with the list of them,
 * the others with 405. A path with GET also takes HEAD.
 */
export function otherMethods(methods: readonly string[]): Handler {
  const all = methods.includes("GET") ? [...methods, "HEAD", "OPTIONS"] : [...methods, "OPTIONS"];
  const Allow = all.join(", ");
  return (c) => {
    if (c.req.method === "OPTIONS") return c.body(null, 204, { Allow });
    const detail = `${c.req.method} is not allowed here, only ${Allow}`;
    return problem(c, { code: "method-not-allowed", detail, headers: { Allow } });
  };
}
