// CopilotKit's runtime in front of the sessions below RUNLOG_SESSIONS: it runs, connects and stops there.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import {
  AgentRunner,
  type AgentRunnerConnectRequest,
  type AgentRunnerIsRunningRequest,
  type AgentRunnerRunRequest,
  type AgentRunnerStopRequest,
  CopilotRuntime,
} from "@copilotkit/runtime/v2";
import { createCopilotNodeListener } from "@copilotkit/runtime/v2/node";
import { HttpAgent, runHttpRequest, transformHttpEventStream } from "ag-ui-client-0.0.59";

type Events = ReturnType<AgentRunner["run"]>;

const sessions = process.env["RUNLOG_SESSIONS"] ?? "";

class RunlogRunner extends AgentRunner {
  override run({ threadId, input }: AgentRunnerRunRequest): Events {
    return new HttpAgent({ url: `${sessions}/${threadId}/agui/run`, threadId }).run(input);
  }

  override connect({ threadId }: AgentRunnerConnectRequest): Events {
    const body = JSON.stringify({ threadId });
    return transformHttpEventStream(runHttpRequest(() => post(`${threadId}/agui/connect`, body)));
  }

  override async isRunning({ threadId }: AgentRunnerIsRunningRequest): Promise<boolean> {
    const response = await fetch(`${sessions}/${threadId}`);
    const { status } = (await response.json()) as { status?: { agentStatus?: string } };
    return status?.agentStatus === "working";
  }

  override async stop({ threadId, runId }: AgentRunnerStopRequest): Promise<boolean> {
    return (await post(`${threadId}/agui/cancel`, JSON.stringify({ runId }))).ok;
  }
}

function post(path: string, body: string): Promise<Response> {
  const headers = { "Content-Type": "application/json" };
  return fetch(`${sessions}/${path}`, { method: "POST", headers, body });
}

const runtime = new CopilotRuntime({
  agents: { default: new HttpAgent({ url: sessions }) },
  runner: new RunlogRunner(),
});
const server = createServer((request, response) => {
  void createCopilotNodeListener({ runtime, basePath: "/", cors: true })(request, response);
});
server.listen(0, "127.0.0.1", () => {
  process.stdout.write(`port ${(server.address() as AddressInfo).port}\n`);
});
