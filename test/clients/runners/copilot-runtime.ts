// CopilotKit's runtime in front of the sessions below RUNLOG_SESSIONS, on PORT or a free one.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { CopilotRuntime } from "@copilotkit/runtime/v2";
import { createCopilotNodeListener } from "@copilotkit/runtime/v2/node";
import { HttpAgent } from "ag-ui-client-0.0.59";
import { RunlogAgentRunner } from "../../../adapters/copilotkit/index.ts";

const url = process.env["RUNLOG_SESSIONS"] ?? "";

const runtime = new CopilotRuntime({
  agents: { default: new HttpAgent({ url }) },
  runner: new RunlogAgentRunner({ url }),
});
const server = createServer((request, response) => {
  void createCopilotNodeListener({ runtime, basePath: "/", cors: true })(request, response);
});
server.listen(Number(process.env["PORT"] ?? 0), "127.0.0.1", () => {
  process.stdout.write(`port ${(server.address() as AddressInfo).port}\n`);
});
