// The part of CopilotKit's runtime that is used here, for who does not have the package: of it types alone are needed.
declare module "@copilotkit/runtime/v2" {
  import type { BaseEvent } from "@ag-ui/core";
  import type { Observable } from "rxjs";

  export interface AgentRunnerRunRequest {
    threadId: string;
    agent: object;
    input: { threadId: string; runId: string };
  }
  export interface AgentRunnerConnectRequest {
    threadId: string;
    headers?: Record<string, string>;
  }
  export interface AgentRunnerIsRunningRequest {
    threadId: string;
  }
  export interface AgentRunnerStopRequest {
    threadId: string;
    runId?: string;
  }
  export abstract class AgentRunner {
    abstract run(request: AgentRunnerRunRequest): Observable<BaseEvent>;
    abstract connect(request: AgentRunnerConnectRequest): Observable<BaseEvent>;
    abstract isRunning(request: AgentRunnerIsRunningRequest): Promise<boolean>;
    abstract stop(request: AgentRunnerStopRequest): Promise<boolean | undefined>;
  }
}
