import { defineConfig } from "vitest/config";

/** The tests of the image, which `npm run test:image` has built; as root, since they make containers. */
export default defineConfig({
  test: {
    name: "image",
    include: ["test/image/*.image.ts"],
    reporters: ["default", "./scripts/plain-summary.ts"],
    // as in `test/vitest.config.ts`
    testTimeout: 900_000,
    hookTimeout: 900_000,
    teardownTimeout: 120_000,
  },
});
