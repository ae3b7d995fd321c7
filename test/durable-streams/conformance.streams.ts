import { afterAll, afterEach, beforeAll } from "vitest";
import { runConformanceTests } from "@durable-streams/server-conformance-tests";
import { type ConformanceServer, startConformanceServer } from "./conformance-server.ts";

declare module "vitest" {
  interface TaskMeta {
    /** Why the server refused requests of the test. */
    refusals?: string[];
  }
}

/** Set: bytes of other content types than JSON are carried as JSON. */
const carries = process.env["CARRIES"] === "1";
const config = { baseUrl: "", longPollTimeoutMs: 500 };
let server: ConformanceServer;

beforeAll(async () => {
  server = await startConformanceServer({ carries });
  config.baseUrl = server.url;
});
afterEach(({ task }) => {
  task.meta.refusals = server.takeRefusals();
});
afterAll(() => server.close());

runConformanceTests(config);
