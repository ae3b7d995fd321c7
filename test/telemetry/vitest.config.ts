import { defineConfig } from "vitest/config";

/** The tests against a real Prometheus, which `npm test` does without. */
export default defineConfig({
  test: {
    name: "telemetry",
    include: ["test/telemetry/*.telemetry.ts"],
    reporters: ["default", "./scripts/plain-summary.ts"],
    // as in `test/vitest.config.ts`
    testTimeout: 900_000,
    hookTimeout: 900_000,
    teardownTimeout: 120_000,
    maxWorkers: 2,
  },
});
