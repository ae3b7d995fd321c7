import { defineConfig } from "vitest/config";

/** The tests with the packages of Durable Streams, which `npm test` does not install. */
export default defineConfig({
  test: {
    name: "durable-streams",
    include: ["*.kills.ts", "*.streams.ts"],
    testTimeout: 180_000,
    hookTimeout: 60_000,
  },
});
