import { defineConfig } from "vitest/config";

/** The inspector in a browser, which `npm test` does not need. */
export default defineConfig({
  test: {
    name: "ui",
    include: ["test/ui/*.ui.ts"],
    reporters: ["default", "./scripts/plain-summary.ts"],
    // each file has a browser and servers of its own, and there are two cores
    maxWorkers: 2,
    // as in `test/vitest.config.ts`
    testTimeout: 900_000,
    hookTimeout: 900_000,
    teardownTimeout: 120_000,
  },
});
