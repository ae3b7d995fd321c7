import { Hono } from "hono";
import type { SessionService } from "../core/service.ts";

/** `/health`: the process answers. `/ready`: it can do its work. Neither asks who calls. */
export function createProbeRoutes({ store }: Pick<SessionService, "store">): Hono {
  const routes = new Hono();
  routes.get("/health", (c) => c.json({ status: "healthy" }));
  routes.get("/ready", async (c) => {
    try {
      await store.check();
      return c.json({ status: "ready" });
    } catch {
      return c.json({ status: "unavailable", missing: ["store"] }, 503, { "Retry-After": "5" });
    }
  });
  return routes;
}
