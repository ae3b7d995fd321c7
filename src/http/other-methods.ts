import type { Handler } from "hono";
import { problem } from "./problem.ts";

/**
 * What a path answers to every method but `methods`, which its routes take: the list of them to
 * OPTIONS, and 405 to the rest. A path that is read can be asked for its headers as well.
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
