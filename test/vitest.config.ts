import { cloudflareTest } from "@cloudflare/vitest-plugin";
import { defineConfig } from "vitest/config";

/** Tests that mount file systems run by `npm run test:crash` only: not every machine lets them. */
const WITHOUT_MOUNTS: readonly string[] =
  process.env["CRASH_MOUNTS"] === "1" ? [] : ["test/**/*.mounts.test.ts"];

const given = process.env["TEST_SEED"] ?? "1";
/** Of random inputs: always the same ones. TEST_SEED=random tries others, a number those of that seed. */
const seed = given === "random" ? Math.trunc(Math.random() * 2 ** 31) : Number(given);
if (given === "random") console.info(`to try these inputs again: TEST_SEED=${seed}`);

/** Run from the repository's root: paths here are relative to it. */
export default defineConfig({
  test: {
    provide: { seed },
    setupFiles: ["test/support/seeded.ts"],
    reporters: ["default", "./scripts/plain-summary.ts"],
    // only a test that hangs comes so far, however busy the machine; what never comes is named by
    // `waitFor` long before
    testTimeout: 900_000,
    hookTimeout: 900_000,
    teardownTimeout: 120_000,
    // many tests wait, for a lease to expire or for a process to start: more of them than cores
    maxWorkers: 3,
    projects: [
      {
        extends: true,
        test: {
          name: "node",
          include: ["test/**/*.test.ts"],
          // the clients' packages come with tests of their own
          exclude: ["test/**/*.workerd.test.ts", "test/clients/**", ...WITHOUT_MOUNTS],
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
