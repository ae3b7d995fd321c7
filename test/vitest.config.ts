import { cloudflareTest } from "@cloudflare/vitest-plugin";
import { defineConfig } from "vitest/config";

/** Run from the repository's root: paths here are relative to it. */
export default defineConfig({
  test: {
    reporters: ["default", "./scripts/plain-summary.ts"],
    testTimeout: 30_000,
    hookTimeout: 30_000,
    projects: [
      {
        extends: true,
        test: {
          name: "node",
          include: ["test/**/*.test.ts"],
          exclude: ["test/**/*.workerd.test.ts"],
        },
      },
      {
        extends: true,
        plugins: [
          cloudflareTest({ wrangler: { configPath: "./wrangler.toml" }, remoteBindings: false }),
        ],
        test: { name: "workerd", include: ["test/**/*.workerd.test.ts"] },
      },
    ],
  },
});
