import { expect, inject, it } from "vitest";
import { loadTarget, targetNames } from "../../scripts/fuzz/load-targets.ts";
import { fuzzTarget } from "../../scripts/fuzz/fuzz-target.ts";
import { routesOf } from "../../scripts/fuzz/server.ts";
import { SESSION_ROUTES } from "../../src/http/session-routes.ts";
import { STREAM_ROUTES } from "../../src/http/stream-routes.ts";
import * as fc from "fast-check";

const SEED = inject("seed");
/** Enough to notice what is broken for many inputs; `npm run fuzz` looks for the rare ones. */
const TIME_MS = 2_000;

it.each(await targetNames())("no input from outside breaks the rule of %s", async (name) => {
  const target = await loadTarget(name);
  expect(target.name).toBe(name);
  expect(await target.run({ seed: SEED, timeMs: TIME_MS })).toBeGreaterThan(0);
});

it("every route of a session is asked", async () => {
  const asked = (await routesOf()).map(({ method, path }) => `${method} ${path}`);
  const below = "/api/projects/:projectName/agentic-sessions";
  for (const [method, path] of SESSION_ROUTES)
    expect(asked).toContain(`${method} ${below}${path === "/" ? "" : path}`);
  for (const [method, path] of STREAM_ROUTES)
    expect(asked).toContain(`${method} /v1/streams/:projectName${path}`);
});

it("an input that breaks a rule is found, made small, and reported with its seed", async () => {
  const broken = fuzzTarget("broken", fc.string(), (text) => {
    if (text.includes("x")) throw new Error("an x");
  });
  await expect(broken.run({ seed: 1, timeMs: 10_000 })).rejects.toThrow(
    /an x[\s\S]*seed: 1[\s\S]*\["x"\]/,
  );
});
