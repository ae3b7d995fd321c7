import { defineConfig } from "vitest/config";

/** The tests with packages that nobody here wrote, which `npm test` does not install. */
export default defineConfig({
  test: {
    name: "clients",
    include: ["test/clients/*.clients.ts"],
    reporters: ["default", "./scripts/plain-summary.ts"],
    // each file has processes of its own, and there are two cores
    maxWorkers: 2,
    // as in `test/vitest.config.ts`
    testTimeout: 900_000,
    hookTimeout: 900_000,
    teardownTimeout: 120_000,
  },
});
