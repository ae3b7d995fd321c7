import { defineConfig } from "vitest/config";

/** The tests against a real API server, which `npm test` does not wait for. */
export default defineConfig({
  test: {
    name: "cluster",
    include: ["test/cluster/*.cluster.ts"],
    globalSetup: "test/cluster/global-setup.ts",
    reporters: ["default", "./scripts/plain-summary.ts"],
    // they share one API server, and two cores
    fileParallelism: false,
    // as in `test/vitest.config.ts`
    testTimeout: 900_000,
    hookTimeout: 900_000,
    teardownTimeout: 120_000,
  },
});
