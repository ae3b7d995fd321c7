import { Hono } from "hono";
import type { SessionService } from "../core/service.ts";
import { otherMethods } from "./other-methods.ts";

/**
 * `/health`: the process answers. `/ready`: it can do its work; else it says what is missing. Neither
 * asks who calls.
 */
export function createProbeRoutes({
  store,
  platform,
  logger,
}: Pick<SessionService, "store" | "platform" | "logger">): Hono {
  const needs = Object.entries({ store, platform });

  async function missing(): Promise<string[]> {
    const names = needs.map(async ([name, port]) => {
      try {
        await port.check();
        return [];
      } catch (error) {
        logger.warn("not-ready", { missing: name, error });
        return [name];
      }
    });
    return (await Promise.all(names)).flat();
  }

  const routes = new Hono();
  routes.get("/health", (c) => c.json({ status: "healthy" }));
  routes.get("/ready", async (c) => {
    const names = await missing();
    if (names.length === 0) return c.json({ status: "ready" });
    return c.json({ status: "unavailable", missing: names }, 503, { "Retry-After": "5" });
  });
  for (const path of ["/health", "/ready"]) routes.all(path, otherMethods(["GET"]));
  return routes;
}
