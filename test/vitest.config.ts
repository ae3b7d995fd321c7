import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    exclude: ["test/**/*.workerd.test.ts", "node_modules/**"],
    reporters: ["default", "./scripts/plain-summary.ts"],
    testTimeout: 30_000,
    hookTimeout: 30_000,
  },
});
