import { Hono } from "hono";
import type { SessionService } from "../core/service.ts";
import type { Clock } from "../ports/clock.ts";
import { RunlogError } from "../ports/errors.ts";
import { otherMethods } from "./other-methods.ts";

/** A port that takes longer, in ms, is not ready: a probe does not wait for ever. */
const ANSWER_MS = 5_000;

/**
 * `/health`: the process answers. `/ready`: it can do its work; otherwise the answer names what is
 * missing, or says that the server stops. Where the store holds as much as it may, it says that no run
 * begins: what is there is served as ever. Neither asks who calls.
 */
export function createProbeRoutes(
  service: Pick<SessionService, "store" | "platform" | "clock" | "logger" | "isStopping" | "quota">,
): Hono {
  const { store, platform, clock, logger } = service;
  const needs = Object.entries({ store, platform });

  async function missing(): Promise<string[]> {
    const names = needs.map(async ([name, port]) => {
      try {
        await within(clock, port.check());
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
    if (service.isStopping())
      return c.json({ status: "stopping", missing: [] }, 503, { "Retry-After": "5" });
    const names = await missing();
    if (names.length === 0)
      return c.json({ status: "ready", ...(isFull(service) && { refuses: ["runs"] }) });
    return c.json({ status: "unavailable", missing: names }, 503, { "Retry-After": "5" });
  });
  for (const path of ["/health", "/ready"]) routes.all(path, otherMethods(["GET"]));
  return routes;
}

function isFull({ quota }: Pick<SessionService, "quota">): boolean {
  try {
    quota?.assertRoom();
    return false;
  } catch {
    return true;
  }
}

function within(clock: Clock, check: Promise<void>): Promise<void> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(ANSWER_MS, () =>
      reject(new RunlogError("store-unanswered", "There is no answer yet")),
    );
    check.then(resolve, reject).finally(cancel);
  });
}
