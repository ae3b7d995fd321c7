import { afterAll, beforeAll } from "vitest";
import { runConformanceTests } from "@durable-streams/server-conformance-tests";
import { type ConformanceServer, startConformanceServer } from "./conformance-server.ts";

const config = { baseUrl: "", longPollTimeoutMs: 500 };
let server: ConformanceServer;

beforeAll(async () => {
  server = await startConformanceServer();
  config.baseUrl = server.url;
});
afterAll(() => server.close());

runConformanceTests(config);
